"""Read back the facts of ms-swift entries with ``objects``."""

from collections.abc import Mapping
from typing import Any

import orjson

from medmultipoints.transforms.dialects.conversations.answers import Facts, read_content, read_facts
from medmultipoints.transforms.dialects.conversations.swift import BBOX, REF
from medmultipoints.transforms.dialects.frames import Size
from tests.transforms.dialects.decoders.conversations import unwrap_messages


def decode_objects(line: Mapping[str, Any], _size: Size) -> Facts:
    """Return the facts of a line, in pixels: the placeholders filled. Inverse of ``encode_objects``, exact."""
    text, objects = unwrap_messages(line), line["objects"]
    given = line["messages"][0]["content"].count(BBOX)  # places of the prompt come first
    for token, values in ((BBOX, objects["bbox"][given:]), (REF, objects["ref"])):
        parts = text.split(token)
        fillings = [_written(value) for value in values]
        text = "".join(part + filling for part, filling in zip(parts, [*fillings, ""], strict=True))
    return read_facts(read_content(text))


def _written(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text[1:-1] if isinstance(value, str) else text
