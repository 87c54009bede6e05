"""Write the small model as an ONNX file, node by node: the same weights give the same bytes."""

from typing import Any

import numpy as np

from medmultipoints.data_lake.witnesses.small_unet import CHANNELS, SIDE, WIDTHS, Weights

OPSET, IR_VERSION = 13, 8


def onnx_bytes(weights: Weights, labels: int) -> bytes:
    """Return the model with these weights; its outputs are logits, one map per label. Needs the package ``onnx``."""
    import onnx

    graph = _Graph(onnx, weights)
    shown, held = "picture", []
    for level in range(len(WIDTHS)):
        shown = graph.block(shown)
        if level < len(WIDTHS) - 1:
            held.append(shown)
            shown = graph.add("MaxPool", [shown], kernel_shape=[2, 2], strides=[2, 2])
    for skipped in reversed(held):
        larger = graph.enlarge(shown)
        shown = graph.block(graph.add("Concat", [larger, skipped], axis=1))
    graph.convolve(shown, "logits")
    return graph.serialise(labels)


class _Graph:
    """Nodes and initialisers in insertion order; names are numbers."""

    def __init__(self, onnx: Any, weights: Weights) -> None:
        self.onnx, self.left = onnx, list(weights)
        self.nodes: list[Any] = []
        self.values: list[Any] = []

    def add(self, kind: str, inputs: list[str], name: str | None = None, **attributes: Any) -> str:
        output = name or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def constant(self, values: Any) -> str:
        name = f"weights_{len(self.values)}"
        self.values.append(self.onnx.numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def convolve(self, inputs: str, name: str | None = None) -> str:
        kernel, bias = self.left.pop(0)
        weights = [self.constant(np.transpose(kernel, (3, 2, 0, 1))), self.constant(bias)]
        return self.add("Conv", [inputs, *weights], name, kernel_shape=[3, 3], pads=[1, 1, 1, 1])

    def block(self, inputs: str) -> str:
        for _ in range(2):
            inputs = self.add("Relu", [self.convolve(inputs)])
        return inputs

    def enlarge(self, inputs: str) -> str:
        scales = self.constant(np.array([1, 1, 2, 2], np.float32))
        return self.add(
            "Resize", [inputs, "", scales], mode="nearest", coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )  # fmt: skip

    def serialise(self, labels: int) -> bytes:
        helper, kind = self.onnx.helper, self.onnx.TensorProto.FLOAT
        inputs = helper.make_tensor_value_info("picture", kind, ["batch", CHANNELS, SIDE, SIDE])
        outputs = helper.make_tensor_value_info("logits", kind, ["batch", labels, SIDE, SIDE])
        graph = helper.make_graph(self.nodes, "small_unet", [inputs], [outputs], initializer=self.values)
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, producer_name="medmultipoints", opset_imports=opset, ir_version=IR_VERSION)
        self.onnx.checker.check_model(model)
        data: bytes = model.SerializeToString(deterministic=True)
        return data
