"""Small ONNX models written for tests, with their declarations: red where the picture is red, and faulty ones."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE = 16


def red_model(
    *,
    click_radius: int = 0,
    side: int = SIDE,
    last: Sequence[Any] = (),
    maps: int = 1,
    batch: int | str = "batch",
    weight: float = 1,
) -> bytes:
    """A model whose maps are the red channel of its input; ``last`` are nodes from ``red`` to ``map``."""
    channels = 3 + 3 * (click_radius > 0)
    kernel = np.zeros((maps, channels, 1, 1), np.float32)
    kernel[:, 0] = weight
    ending = list(last) or [helper.make_node("Identity", ["red"], ["map"])]
    nodes = [helper.make_node("Conv", ["picture", "kernel"], ["red"]), *ending]
    return model_bytes(nodes, channels, side, [numpy_helper.from_array(kernel, "kernel")], maps, batch)


def model_bytes(
    nodes: Sequence[Any], channels: int, side: int, values: Sequence[Any], maps: int = 1, batch: int | str = "batch"
) -> bytes:
    inputs = helper.make_tensor_value_info("picture", TensorProto.FLOAT, [batch, channels, side, side])
    outputs = helper.make_tensor_value_info("map", TensorProto.FLOAT, [batch, maps, side, side])
    graph = helper.make_graph(list(nodes), "test", [inputs], [outputs], initializer=list(values))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    data: bytes = model.SerializeToString()
    return data


def external_model() -> bytes:
    """The red model with its kernel in another file."""
    model = onnx.load_from_string(red_model())
    kernel = model.graph.initializer[0]
    kernel.ClearField("raw_data")
    kernel.data_location = TensorProto.EXTERNAL
    kernel.external_data.add(key="location", value="kernel.bin")
    data: bytes = model.SerializeToString()
    return data


def declare(
    folder: Path,
    data: bytes,
    *,
    name: str = "red",
    groups: Sequence[str] = (),
    pixels: Sequence[str] = (),
    changes: Sequence[tuple[str, str]] = (),
    click_radius: int = 0,
) -> str:
    """Write a model with its declaration and return the path of its TOML file; ``changes`` replace parts of it."""
    folder.mkdir(parents=True, exist_ok=True)
    learned = ('{"groups": ' + str(list(groups)) + ', "luma_blake3": ' + str(list(pixels)) + "}").replace("'", '"')
    (folder / f"{name}.onnx").write_bytes(data)
    (folder / f"{name}.json").write_text(learned, "utf-8")
    text = f"""name = "{name}"
task = "segmentation"
file = "{name}.onnx"
sha256 = "{hashlib.sha256(data).hexdigest()}"
licence = "CC0-1.0"

[input]
width = {SIDE}
height = {SIDE}
click_radius = {click_radius}

[output]
labels = ["polyps"]
threshold = 0.6

[trained_on]
release = "nothing"
file = "{name}.json"
sha256 = "{hashlib.sha256(learned.encode()).hexdigest()}"
"""
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (folder / f"{name}.toml").write_text(text, "utf-8")
    return str(folder / f"{name}.toml")
