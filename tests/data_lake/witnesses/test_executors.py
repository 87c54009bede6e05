"""Executors run a declared model alike, and refuse by name what they cannot run."""

import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx import helper

from medmultipoints.data_lake.witnesses.executors import ExecutorName, open_model
from medmultipoints.data_lake.witnesses.model_file import load_model
from medmultipoints.transforms.errors import DataError, UsageError
from tests.data_lake.witnesses.declared_models import declare, external_model, red_model


@pytest.mark.parametrize("executor", ["opencv", "onnxruntime"])
@pytest.mark.parametrize("size", ["batch", 1])
def test_a_batch_runs_on_either_executor(tmp_path: Path, executor: ExecutorName, size: int | str) -> None:
    """Of a model that takes a single picture, too."""
    run = open_model(load_model(declare(tmp_path, red_model(batch=size))), executor)
    batch = np.random.default_rng(0).random((5, 3, 16, 16), np.float32)
    np.testing.assert_allclose(batch[:, :1], run(batch), atol=1e-6)
    np.testing.assert_allclose(batch[:1, :1], run(batch[:1]), atol=1e-6)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (red_model(side=32), "its input is \\? x 3 x 32 x 32, expected batch x 3 x 16 x 16"),
        (red_model(click_radius=2), "its input is \\? x 6 x 16 x 16"),
        (red_model(batch=8), "it takes 8 pictures at a time, no more and no less"),
        (external_model(), "external file 'kernel.bin'"),
        (b"not a model", "not an ONNX model"),
        (b"", "not an ONNX model"),
        (
            red_model(last=[helper.make_node("NoSuchOperator", ["red"], ["map"])]),
            "OpenCV cannot run it: it lacks the operator NoSuchOperator",
        ),
        (red_model(last=[helper.make_node("Log", ["red"], ["map"])]), "not finite"),
        (red_model(weight=float("nan")), "not finite"),
        (
            red_model(last=[helper.make_node("Exp", ["red"], ["two"]), helper.make_node("Exp", ["two"], ["map"])]),
            'its output reaches from 2.72 to 2.72, and .*"none" says that it holds probabilities. Set activation',
        ),
        (
            red_model(last=[helper.make_node("Wobble", ["red"], ["map"], domain="acme")]),
            "OpenCV cannot run it: it lacks the operator Wobble. ",
        ),
    ],
)
def test_what_cannot_be_run_is_named(
    tmp_path: Path, data: bytes, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DataError, match=words):
        open_model(load_model(declare(tmp_path, data)))
    assert capfd.readouterr().err == ""


def test_an_operator_that_onnxruntime_lacks_is_named(tmp_path: Path) -> None:
    data = red_model(last=[helper.make_node("NoSuchOperator", ["red"], ["map"])])
    with pytest.raises(DataError, match="onnxruntime cannot run it: it lacks the operator NoSuchOperator"):
        open_model(load_model(declare(tmp_path, data)), "onnxruntime")


def test_a_missing_gpu_is_named(tmp_path: Path) -> None:
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this machine has one")
    with pytest.raises(UsageError, match="--executor onnxruntime-cuda: this onnxruntime has no CUDAExecutionProvider"):
        open_model(load_model(declare(tmp_path, red_model())), "onnxruntime-cuda")


@pytest.mark.parametrize("executor", ["onnxruntime", "onnxruntime-cuda"])
def test_a_missing_onnxruntime_is_named_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executor: ExecutorName
) -> None:
    model = load_model(declare(tmp_path, red_model()))
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UsageError, match=rf"--executor {executor}: needs onnxruntime. Install medmultipoints\[onnx\]"):
        open_model(model, executor)
