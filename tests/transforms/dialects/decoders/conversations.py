"""Read back the facts of entries whose answers are JSON."""

from collections.abc import Callable, Mapping
from typing import Any

from medmultipoints.transforms.dialects.conversations.answers import Facts, Mark, read_content, read_facts
from medmultipoints.transforms.dialects.frames import Frame, Size, decode

Unwrap = Callable[[Mapping[str, Any]], str]


def decode_json(line: Mapping[str, Any], size: Size, frame: Frame, unwrap: Unwrap) -> Facts:
    """Return the facts of a line, in pixels. Inverse of ``encode_json`` within the rounding of the frame."""
    facts = read_facts(read_content(unwrap(line)))
    return Facts(tuple(Mark(mark.name, decode(frame, mark.numbers, size)) for mark in facts.marks), facts.count)


def unwrap_messages(line: Mapping[str, Any]) -> str:
    """The answer of ``wrap_messages``."""
    return str(line["messages"][-1]["content"])


def unwrap_completion(line: Mapping[str, Any]) -> str:
    """The answer of ``wrap_completion``."""
    return str(line["completion"][-1]["content"])


def unwrap_conversation(line: Mapping[str, Any]) -> str:
    """The answer of ``wrap_conversation``."""
    return str(line["conversations"][-1]["value"])
