"""Run a model with OpenCV, which is always installed, or onnxruntime (extra ``onnx``), on CPU or GPU.

The graph is read before a model runs: external data, and inputs or outputs of an undeclared shape, are refused by name.
Each output is checked: its shape, and that it is finite.
"""

import re
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from medmultipoints.data_lake.witnesses.model_file import Model
from medmultipoints.data_lake.witnesses.onnx_header import Header, read_header
from medmultipoints.transforms.errors import DataError, UsageError
from medmultipoints.transforms.witnesses.network import Tensor

ExecutorName = Literal["opencv", "onnxruntime", "onnxruntime-cuda"]
_OPERATOR: Final = re.compile(r'of type "(\w+)" in function|No Op registered for (\w+)|Node \[(\w+)@(?!ai\.onnx\])')
_REMEDIES: Final = {
    "onnxruntime": "Install it again.",
    "onnxruntime-cuda": "Install onnxruntime-gpu on a machine with an NVIDIA GPU, or use --executor onnxruntime.",
}
_INFINITE: Final = 1e30
"""OpenCV turns NaN into the largest float; no logit is that large."""
_ROUNDING: Final = 1e-3
Run = Callable[[Tensor], Tensor]
"""From a batch of inputs to its outputs, batch x channels x height x width. Not to be shared between threads."""


def open_model(model: Model, executor: ExecutorName = "opencv") -> Run:
    """Return a function that runs the model; UsageError or DataError says why it cannot run.

    Errors: an executor that is not installed, external data, an undeclared shape, an operator that the executor does
    not support, output that is not finite.
    """
    header = read_header(model.onnx, model.name)
    _check_header(model, header)
    forward = _open_opencv(model) if executor == "opencv" else _open_onnxruntime(model, executor)
    alone = header.inputs[0][0] == 1

    def run(batch: Tensor) -> Tensor:
        parts = np.split(batch, len(batch)) if alone else [batch]
        return np.concatenate([_check_output(model, np.asarray(forward(part)), len(part)) for part in parts])

    run(np.zeros((1, *model.declared.network.input_shape), np.float32))
    return run


def _check_output(model: Model, output: NDArray[Any], count: int) -> Tensor:
    """Return the output for so many pictures; DataError for another shape or values that are not finite."""
    wanted = (count, *model.declared.network.output_shape)
    if output.shape != wanted:
        raise DataError(f"model {model.name}: its output has the shape {output.shape}, expected {wanted}.")
    if not (np.abs(output) < _INFINITE).all():
        raise DataError(
            f"model {model.name}: its output holds values that are not finite (NaN or infinity). Check its weights and "
            "the normalisation of its input, or use another model."
        )
    low, high = float(output.min()), float(output.max())
    if model.declared.output.activation == "none" and not (low >= -_ROUNDING and high <= 1 + _ROUNDING):
        raise DataError(
            f"model {model.name}: its output reaches from {low:.3g} to {high:.3g}, and [output] activation = "
            '"none" says that it holds probabilities. Set activation to "sigmoid" or "softmax".'
        )
    return output.astype(np.float32, copy=False)


def _check_header(model: Model, header: Header) -> None:
    if header.external:
        raise DataError(
            f"model {model.name}: it keeps weights in the external file {header.external[0]!r}, which no hash covers. "
            "Save it again as one file."
        )
    network = model.declared.network
    _check_shape(model, "input", header.inputs, network.input_shape)
    _check_shape(model, "output", header.outputs, network.output_shape)
    batch = header.inputs[0][0]
    if batch not in (None, 1):
        raise DataError(
            f"model {model.name}: it takes {batch} pictures at a time, no more and no less. Export it with a batch of "
            "any size, or of 1."
        )


def _check_shape(model: Model, what: str, found: tuple[tuple[int | None, ...], ...], wanted: tuple[int, ...]) -> None:
    """Check a shape; an axis without a fixed size fits any, and the first axis is the batch."""
    if len(found) != 1:
        raise DataError(f"model {model.name}: it has {len(found)} {what}s, one is needed.")
    shape = found[0]
    fits = len(shape) == 4 and all(side in (None, size) for side, size in zip(shape[1:], wanted, strict=True))
    if not fits:
        given = " x ".join("?" if side is None else str(side) for side in shape)
        raise DataError(
            f"model {model.name}: its {what} is {given}, expected batch x {' x '.join(map(str, wanted))}. Correct "
            "the declaration, or use the model that it describes."
        )


def _open_opencv(model: Model) -> Callable[[Tensor], Any]:
    net = _quietly(model, lambda: cv2.dnn.readNetFromONNX(np.frombuffer(model.onnx, np.uint8)))

    def forward(batch: Tensor) -> Any:
        net.setInput(batch)
        return net.forward()

    return lambda batch: _quietly(model, lambda: forward(batch))


def _quietly(model: Model, work: Callable[[], Any]) -> Any:
    """Return OpenCV's result, without its log output: the error contains the reason."""
    before = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        return work()
    except cv2.error as error:
        raise DataError(
            f"model {model.name}: OpenCV cannot run it: {_reason(error)}. Try --executor onnxruntime, or "
            "export it with standard operators."
        ) from error
    finally:
        cv2.utils.logging.setLogLevel(before)


def _reason(error: Exception) -> str:
    """Return the missing operator, or else the start of the library's message, in one line."""
    text = " ".join(str(error).split())
    if operator := _OPERATOR.search(text):
        return f"it lacks the operator {operator[1] or operator[2] or operator[3]}"
    return text[:300].rstrip(".") or type(error).__name__


def _open_onnxruntime(model: Model, executor: ExecutorName) -> Callable[[Tensor], Any]:
    if find_spec("onnxruntime") is None:
        raise UsageError(f"--executor {executor}: needs onnxruntime. Install medmultipoints[onnx], or use opencv.")
    import onnxruntime

    provider = "CUDAExecutionProvider" if executor.endswith("cuda") else "CPUExecutionProvider"
    if provider not in onnxruntime.get_available_providers():
        raise UsageError(f"--executor {executor}: this onnxruntime has no {provider}. {_REMEDIES[executor]}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(model.onnx, options, providers=[provider])
    except Exception as error:
        raise DataError(
            f"model {model.name}: onnxruntime cannot run it: {_reason(error)}. Use another model."
        ) from error
    name = session.get_inputs()[0].name

    def forward(batch: Tensor) -> Any:
        try:
            return session.run(None, {name: batch})[0]
        except Exception as error:
            raise DataError(f"model {model.name}: onnxruntime cannot run it: {_reason(error)}.") from error

    return forward
