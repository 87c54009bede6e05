"""Read the outline of an ONNX file from its bytes: input and output shapes, and external weight files.

ONNX uses Protocol Buffers; the field numbers are those of ``onnx.proto``. The package ``onnx`` is needed only to write
models.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from medmultipoints.transforms.errors import DataError

GRAPH = 7
NODE, INITIALIZER, INPUT, OUTPUT = 1, 5, 11, 12
ATTRIBUTE, ATTRIBUTE_TENSOR = 5, 5
TENSOR_NAME, EXTERNAL_DATA, DATA_LOCATION = 8, 13, 14
Shape = tuple[int | None, ...]
Field = tuple[int, bytes | int]


@dataclass(frozen=True, slots=True)
class Header:
    """Shapes of inputs and outputs (None: an axis of any size), and the names of external weight files."""

    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    external: tuple[str, ...]


def read_header(data: bytes, name: str) -> Header:
    """Return the outline of a model; DataError if the bytes are not an ONNX model."""
    try:
        graphs = _messages(data, GRAPH)
        graph = graphs[0]
        tensors = _messages(graph, INITIALIZER)
        names = {_text(tensor, TENSOR_NAME) for tensor in tensors}
        inputs = [one for one in _messages(graph, INPUT) if _text(one, 1) not in names]
        constants = [
            tensor
            for node in _messages(graph, NODE)
            for attribute in _messages(node, ATTRIBUTE)
            for tensor in _messages(attribute, ATTRIBUTE_TENSOR)
        ]
        external = tuple(place for tensor in (*tensors, *constants) for place in _external(tensor))
        outputs = _messages(graph, OUTPUT)
        return Header(tuple(map(_shape, inputs)), tuple(map(_shape, outputs)), external)
    except (IndexError, ValueError, TypeError) as error:
        raise DataError(f"model {name}: its file is not an ONNX model. Export it again.") from error


def _external(tensor: bytes) -> Iterator[str]:
    """Yield the external files of a tensor's values."""
    stated = [value for number, value in _fields(tensor) if number == DATA_LOCATION]
    entries = {_text(entry, 1): _text(entry, 2) for entry in _messages(tensor, EXTERNAL_DATA)}
    if 1 in stated or entries:
        yield entries.get("location", "unnamed")


def _shape(value: bytes) -> Shape:
    tensor = _messages(_messages(value, 2)[0], 1)[0]
    found = _messages(tensor, 2)
    return tuple(_side(axis) for axis in _messages(found[0], 1)) if found else ()


def _side(axis: bytes) -> int | None:
    sizes = [value for number, value in _fields(axis) if number == 1 and isinstance(value, int)]
    return sizes[0] if sizes and sizes[0] > 0 else None


def _messages(data: bytes, wanted: int) -> list[bytes]:
    return [value for number, value in _fields(data) if number == wanted and isinstance(value, bytes)]


def _text(data: bytes, wanted: int) -> str:
    found = _messages(data, wanted)
    return found[0].decode("utf-8") if found else ""


def _fields(data: bytes) -> Iterator[Field]:
    """Yield number and value of each field of a message; ValueError if the bytes are not a message."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, place = _varint(data, place)
            yield number, value
            continue
        if kind == 2:
            size, place = _varint(data, place)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"wire type {kind}")
        if place + size > len(data) or not number:
            raise ValueError("a field passes the end")
        yield number, data[place : place + size]
        place += size


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if place >= len(data) or shift > 63:
            raise ValueError("a number passes the end")
        byte = data[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place
