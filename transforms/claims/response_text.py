"""Extract the descriptive text of a response: caption and sentences in JSON, or plain text."""

from collections.abc import Mapping
from typing import Any

from medmultipoints.transforms.scoring.answers.found_json import NoAnswer, find_value


def described_text(response: str) -> str:
    """Return caption and sentences of a response in JSON, one per line; otherwise the response itself."""
    try:
        value = find_value(response)
    except NoAnswer:
        return response
    if not isinstance(value, Mapping) or not {"caption", "sentences"} & set(value):
        return response
    sentences = value.get("sentences")
    listed = sentences if isinstance(sentences, list) else [sentences]
    return "\n".join(filter(None, (_text(value.get("caption")), *map(_text, listed))))


def _text(part: Any) -> str:
    text = part.get("text") if isinstance(part, Mapping) else part
    return text if isinstance(text, str) else ""
