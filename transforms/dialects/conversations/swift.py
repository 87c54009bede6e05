"""ms-swift with ``objects``: placeholders in the text, pixels in a field, which ms-swift converts for each model.

Source of the rule: ms-swift's documentation of custom datasets. Placeholders are filled in order; an entry of two
numbers is a point. With ``QWENVL_BBOX_FORMAT=new`` the filled text is the JSON of our answers.
"""

from typing import Any, Final

import orjson

from medmultipoints.transforms.dialects.conversations.answers import (
    Unsupported,
    check_text,
    read_content,
    refuse_pixels,
    write_content,
    write_json,
)
from medmultipoints.transforms.dialects.conversations.encode import Line, ids_of, wrap_messages
from medmultipoints.transforms.dialects.conversations.prompts import GIVEN, check_ask, example_content, neutral_request
from medmultipoints.transforms.dialects.items import Item
from medmultipoints.transforms.instructions.answers.published import PUBLISHED

REF: Final = "<ref-object>"
BBOX: Final = "<bbox>"


def encode_objects(item: Item) -> Line:
    """Return the instruction with a placeholder for each name and each box or point of its answer.

    The format request names only the keys, because the frame of the numbers depends on the model.
    """
    content = read_content(item.answer)
    check_ask(item.prompt.ask)
    if content is None:
        ask, answer = check_text(item.prompt.ask), check_text(item.answer)
        return wrap_messages(item, ask, answer) | _objects([], []) | ids_of(item)
    if REF in item.answer or BBOX in item.answer:
        raise Unsupported("the answer holds a placeholder of its own")
    refuse_pixels(content)  # ms-swift resizes for each model
    refs: list[str] = []
    places: list[list[float]] = []
    ask = GIVEN.sub(lambda found: _bare(write_json(_replace(orjson.loads(found[0]), refs, places))), item.prompt.ask)
    answer = _bare(write_content(_replace(content, refs, places)))
    example = example_content(item.prompt.request)
    framed = item.task in PUBLISHED or "_2d" in item.prompt.request
    request = neutral_request(content if example is None else example) if framed else item.prompt.request
    prompt = f"{ask} {request}"
    return wrap_messages(item, prompt, answer) | _objects(refs, places) | ids_of(item)


def _bare(text: str) -> str:
    """Return the text without JSON quotes around placeholders for numbers, which replace whole lists."""
    return text.replace(f'"{BBOX}"', BBOX)


def _objects(refs: list[str], places: list[list[float]]) -> Line:
    return {"objects": {"ref": refs, "bbox": places}}


def _replace(value: Any, refs: list[str], places: list[list[float]]) -> Any:
    if isinstance(value, dict):
        return {key: _replace_key(key, part, refs, places) for key, part in value.items()}
    if isinstance(value, list):
        return [_replace(part, refs, places) for part in value]
    return value


def _replace_key(key: str, value: Any, refs: list[str], places: list[list[float]]) -> Any:
    """Return a value with its name, points or boxes replaced by placeholders, and collect them."""
    if key == "label" and isinstance(value, str):
        refs.append(value)
        return REF
    if key in ("point_2d", "bbox_2d"):
        nested = bool(value) and isinstance(value[0], list)
        found = value if nested or not value else [value]
        places.extend([float(number) for number in place] for place in found)
        return [BBOX] * len(found) if nested or not value else BBOX
    return _replace(value, refs, places)
