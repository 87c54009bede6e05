"""PaliGemma and Florence-2: boxes as location tokens, in ``prefix`` and ``suffix``.

Sources of the rules: big_vision's ``refcoco_mask2str`` (round to 0..1023, order y1 x1 y2 x2, ``<loc%04d>``) and
PaliGemma's "detect" prompts with " ; " between objects; Florence-2's processor (1,000 cells, rounded down, order
x1 y1 x2 y2).
"""

import re
from typing import Final

from medmultipoints.transforms.dialects.conversations.answers import (
    Facts,
    Mark,
    Unsupported,
    check_text,
    read_content,
    read_facts,
)
from medmultipoints.transforms.dialects.conversations.encode import Line, ids_of
from medmultipoints.transforms.dialects.conversations.prompts import asked_name, check_ask
from medmultipoints.transforms.dialects.conversations.responses import restore_facts
from medmultipoints.transforms.dialects.frames import CELLS_1000, LOCATIONS_1024, Size, decode, encode_box
from medmultipoints.transforms.dialects.items import Item, refuse_other_tasks

DETECT: Final = "detect "
OPEN_VOCABULARY: Final = "<OPEN_VOCABULARY_DETECTION>"
_PALIGEMMA_BOX: Final = re.compile(r"<loc(\d{4})><loc(\d{4})><loc(\d{4})><loc(\d{4})> ([^;<]+?)(?: ;|$)")
_FLORENCE_BOXES: Final = re.compile(r"([^<]*)((?:<loc_\d+>)+)")
_MARKS: Final = re.compile(r"</?s>|<(?:pad|bos|eos)>")
_FLORENCE_BOX: Final = re.compile(r"<loc_(\d+)><loc_(\d+)><loc_(\d+)><loc_(\d+)>")
_NOT_IN_NAMES: Final = frozenset("<>;\n")


def encode_paligemma(item: Item) -> Line:
    """Return ``detect <name>`` with the boxes of that name, or ``answer en <question>`` with a number.

    Raise Unsupported for points.
    """
    refuse_other_tasks(item, "PaliGemma")
    content = read_content(item.answer)
    facts = read_facts(content)
    if content is None:
        return _line(item, f"answer en {check_ask(item.prompt.ask)}", check_text(item.answer))
    if _only_counts(facts, item):
        return _line(item, f"answer en {check_ask(item.prompt.ask)}", str(facts.count))
    name = _name_of_boxes(facts, item, "PaliGemma")
    suffix = " ; ".join(f"{_paligemma_tokens(mark, item.size)} {name}" for mark in facts.marks)
    return _line(item, f"{DETECT}{name}", suffix)


def restore_paligemma(item: Item, response: str) -> str:
    """Return a response as an answer of the release; unchanged if it has neither named boxes nor a number."""
    read = read_paligemma if item.task == "bounding" else read_number
    return restore_facts(item.task, response, lambda text: read(_bare(text), item.size))


def read_paligemma(text: str, size: Size) -> Facts | None:
    """Return the boxes of a text; an empty text means no boxes."""
    marks = []
    for y1, x1, y2, x2, name in _PALIGEMMA_BOX.findall(text):
        marks.append(Mark(name, decode(LOCATIONS_1024, [int(x1), int(y1), int(x2), int(y2)], size)))
    return Facts(tuple(marks)) if marks or not text else None


def read_number(text: str, _size: Size) -> Facts | None:
    """Return the number of an answer; None if it is not a single number."""
    return Facts((), int(text)) if text.isdecimal() and len(text) < 10 else None


def encode_florence(item: Item) -> Line:
    """Return open-vocabulary detection of one name with all its boxes; raise Unsupported for points and numbers."""
    refuse_other_tasks(item, "Florence-2")
    content = read_content(item.answer)
    if content is None:
        raise Unsupported("an answer without boxes: Florence-2 has no form for it")
    facts = read_facts(content)
    if _only_counts(facts, item):
        raise Unsupported("a number alone: Florence-2 has no form for it")
    name = _name_of_boxes(facts, item, "Florence-2")
    boxes = (encode_box(CELLS_1000, mark.numbers, item.size) for mark in facts.marks)
    tokens = "".join(f"<loc_{number}>" for box in boxes for number in box)
    return _line(item, f"{OPEN_VOCABULARY}{name}", f"{name}{tokens}" if tokens else "")


def restore_florence(item: Item, response: str) -> str:
    """Return a response as an answer of the release; unchanged if it has no box."""
    return restore_facts(item.task, response, lambda text: read_florence(_bare(text), item.size))


def read_florence(text: str, size: Size) -> Facts | None:
    """Return the boxes of each name; none for an empty text."""
    marks = []
    for name, tokens in _FLORENCE_BOXES.findall(text):
        boxes = [[int(number) for number in found] for found in _FLORENCE_BOX.findall(tokens)]
        marks += [Mark(name.strip(), decode(CELLS_1000, box, size)) for box in boxes]
    return Facts(tuple(marks)) if marks or not text else None


def _bare(response: str) -> str:
    """Return the text without the begin and end tokens that a decoder may leave."""
    return _MARKS.sub("", response).strip()


def _line(item: Item, prefix: str, suffix: str) -> Line:
    return {"image": item.image, "prefix": prefix, "suffix": suffix} | ids_of(item)


def _paligemma_tokens(mark: Mark, size: Size) -> str:
    x1, y1, x2, y2 = encode_box(LOCATIONS_1024, mark.numbers, size)
    return "".join(f"<loc{number:04d}>" for number in (y1, x1, y2, x2))


def _only_counts(facts: Facts, item: Item) -> bool:
    return facts.count is not None and not facts.marks and "_2d" not in item.answer


def _name_of_boxes(facts: Facts, item: Item, model: str) -> str:
    """Return the single name of the answer's boxes; raise Unsupported if the answer has anything but boxes."""
    if facts.count is not None:
        raise Unsupported(f"a number and places in one answer: {model} gives one of them")
    if any(not mark.is_box for mark in facts.marks) or '"point_2d"' in item.prompt.request:
        raise Unsupported(f"points: {model} has boxes only")
    names = {mark.name for mark in facts.marks} or {asked_name(item.prompt.request) or item.label}
    name = names.pop()
    if names or not name or _NOT_IN_NAMES & set(name):
        raise Unsupported("not one plain name for all boxes")
    return name
