"""A declared model is read whole, or what is wrong with it is named."""

from pathlib import Path

import pytest

from medmultipoints.data_lake.witnesses.model_file import load_model
from medmultipoints.transforms.errors import DataError, UsageError
from tests.data_lake.witnesses.declared_models import declare, red_model


def test_a_model_knows_what_it_learned(tmp_path: Path) -> None:
    model = load_model(declare(tmp_path, red_model(), groups=["video:a/1"], pixels=["ab"]))
    assert ("red", (3, 16, 16)) == (model.name, model.declared.network.input_shape)
    assert model.learned("video:a/1", "cd")
    assert model.learned(None, "ab")
    assert not model.learned("video:a/2", "cd")
    assert (1, 1) == (model.statement()["trained_pictures"], model.statement()["trained_groups"])


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ([('sha256 = "', 'hash = "')], UsageError, None),
        ([('licence = "CC0-1.0"\n', "")], UsageError, "licence: the key is missing"),
        ([("width = 16", "width = 0")], UsageError, "input.width"),
        ([('labels = ["polyps"]', 'labels = ["a", "a"]')], UsageError, "a label is named twice"),
        ([('"segmentation"', '"oracle"')], UsageError, "task"),
        ([('file = "red.onnx"', 'file = "../red.onnx"')], UsageError, "file"),
        ([('file = "red.onnx"', 'file = "gone.onnx"')], UsageError, "gone.onnx: No such file"),
        ([("[input]", "[input")], UsageError, "not valid TOML"),
    ],
)
def test_a_declaration_that_is_not_complete_is_named(
    tmp_path: Path, changes: list[tuple[str, str]], error: type[Exception], words: str | None
) -> None:
    if words is None:  # both hashes are wanted
        path = declare(tmp_path, red_model())
        text = Path(path).read_text("utf-8")
        Path(path).write_text("\n".join(line for line in text.splitlines() if not line.startswith("sha256")), "utf-8")
        words = "sha256: the key is missing; trained_on.sha256: the key is missing"
    else:
        path = declare(tmp_path, red_model(), changes=changes)
    with pytest.raises(error, match=words):
        load_model(path)


@pytest.mark.parametrize(("file", "key"), [("red.onnx", "file"), ("red.json", "trained_on.file")])
def test_a_file_with_another_hash_is_refused(tmp_path: Path, file: str, key: str) -> None:
    path = declare(tmp_path, red_model())
    (tmp_path / file).write_bytes(b"other")
    with pytest.raises(DataError, match=f"{key}: {file} has sha256 [0-9a-f]{{64}}, declared is"):
        load_model(path)


def test_a_name_that_is_neither_a_file_nor_installed_says_so() -> None:
    with pytest.raises(UsageError, match="no package with models is installed"):
        load_model("nowhere")
