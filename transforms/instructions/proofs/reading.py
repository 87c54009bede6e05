"""Parse the prompt and the answer of an instruction."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
import polars as pl

from medmultipoints.transforms.instructions.answers.fences import fenced_pattern, read_fenced
from medmultipoints.transforms.instructions.answers.shapes import Shape, count_keys, has_shape, plain_pattern
from medmultipoints.transforms.instructions.naming.lexicon import Lexicon
from medmultipoints.transforms.instructions.phrases import DENSITIES, GAP
from medmultipoints.transforms.instructions.scenes import Scene
from medmultipoints.transforms.pictures.crops import Crop
from medmultipoints.transforms.records import ReleasedObject

ROUNDING_PX: Final = 0.05 + 1e-6
_TOKENS: Final = re.compile(r"((?:<image>)+) (?=\S)")
_JSON: Final = re.compile(r'\[?\{"')
_PLACEHOLDER: Final = re.compile(r"\{\w*\}")


@dataclass(frozen=True, slots=True)
class Mentions:
    """``find`` returns the singulars of the names in a text; ``vague``: those that are words of prompts, too."""

    find: Callable[[str], frozenset[str]]
    vague: frozenset[str]


class Wrong(Exception):
    """The row is wrong; the message is the reason, a snake_case word."""


@dataclass(frozen=True, slots=True)
class PromptReading:
    """A parsed prompt.

    ``images``: number of placeholders; ``ask``: the words before the example; ``given``: the JSON values among them;
    ``mentions``: the singulars of the names in the words; ``vague``: those that may be words of the prompt itself, such
    as a class "A" or "object"; ``named``: the labels of the example.
    """

    images: int
    ask: str
    given: tuple[Any, ...]
    example: Any
    mentions: frozenset[str]
    vague: frozenset[str]
    named: frozenset[str]


@dataclass(frozen=True, slots=True)
class Reading:
    """A parsed row: its prompt and answer, and its crops."""

    task: str
    prompt: PromptReading
    answer: Any
    crops: tuple[Crop, ...] = ()

    @property
    def ask(self) -> str:
        return self.prompt.ask

    @property
    def given(self) -> tuple[Any, ...]:
        return self.prompt.given


def read_prompt(prompt: str, plain: re.Pattern[str], shape: Shape, mentions: Mentions) -> PromptReading:
    """Return the parsed prompt; raise Wrong if its example does not have the shape, or a placeholder is left.

    ``plain`` is the pattern of the shape, which is compared first: that is faster than to check the value.
    """
    tokens = _TOKENS.match(prompt)
    if tokens is None or prompt.count("<image>") != tokens[1].count("<image>") or _PLACEHOLDER.search(prompt):
        raise Wrong("prompt_unfinished")
    ask, values, example = _values(prompt[tokens.end() :])
    if not values or not (plain.fullmatch(example) or has_shape(values[-1], shape)):
        raise Wrong("prompt_shape_differs")
    images = tokens[1].count("<image>")
    found = mentions.find(ask)
    return PromptReading(
        images, ask, tuple(values[:-1]), values[-1], found, found & mentions.vague, frozenset(labels_in(values[-1]))
    )


def find_plain(rows: pl.DataFrame, shapes: Mapping[str, Shape]) -> pl.DataFrame:
    """Return ``row`` and ``plain`` of each row: whether the answer matches the pattern of its task's shape."""
    parts = [
        part.select("row", plain=pl.col("answer").str.contains(fenced_pattern(plain_pattern(shapes[task]))))
        for (task,), part in rows.partition_by("task", as_dict=True).items()
        if task in shapes
    ]
    return pl.concat(parts) if parts else rows.select("row", plain=pl.lit(False)).clear()


def read_answer(answer: str, shape: Shape, *, plain: bool = False) -> Any:
    """Return the value of an answer, one fenced JSON block on one line; raise Wrong if it does not have the shape.

    ``plain``: ``find_plain`` has already checked the shape.
    """
    block = read_fenced(answer)
    if block is None or "\n" in block:
        raise Wrong("answer_shape_differs")
    try:
        value = orjson.loads(block)
        if plain or (has_shape(value, shape) and block.count('":') == count_keys(value, shape)):
            return value
        value = json.loads(block, object_pairs_hook=_once, parse_constant=_refuse)  # refuses a key that occurs twice
    except (ValueError, RecursionError):
        raise Wrong("answer_shape_differs") from None
    require(has_shape(value, shape), "answer_shape_differs")
    return value


def example_start(prompt: str) -> int | None:
    """Return the position of the first JSON value of a prompt, or None."""
    found = _JSON.search(prompt)
    return found.start() if found else None


def _values(text: str) -> tuple[str, list[Any], str]:
    """Return the words before the final JSON value with gaps for other values, all values, and the final one's text."""
    words, values, start, at = [], [], 0, 0
    while found := _JSON.search(text, at):
        start = found.start()
        words.append(text[at:start])
        try:
            value, at = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            raise Wrong("prompt_shape_differs") from None
        values.append(value)
    if at != len(text):
        raise Wrong("prompt_shape_differs")
    return GAP.join(words), values, text[start:]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key occurs twice")
    return dict(pairs)


def _refuse(constant: str) -> None:
    raise ValueError(constant)


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_refuse)


def same_place(stated: Sequence[float], true: Sequence[float]) -> bool:
    """Return whether a point or box in an answer equals the true one, rounded to 0.1 px."""
    if len(stated) != len(true):
        return False
    for said, exact in zip(stated, true, strict=True):
        if not abs(said - exact) <= ROUNDING_PX or round(said, 1) != said:
            return False
    return True


def require(holds: bool, reason: str) -> None:
    """Raise Wrong unless the condition holds."""
    if not holds:
        raise Wrong(reason)


def find_object(items: Sequence[ReleasedObject], box: Sequence[float], reason: str) -> ReleasedObject:
    """Return the one object with this box; raise Wrong if none or several have it."""
    first = box[0] if box else float("nan")
    near = (item for item in items if abs(item.box.x1 - first) <= ROUNDING_PX)
    found = [item for item in near if same_place(box, item.box)]
    require(len(found) == 1, reason)
    return found[0]


def label_of(lexicon: Lexicon, scenes: Sequence[Scene], name: str) -> str:
    """Return the label with this name in these images; raise Wrong if no label may have it."""
    found = lexicon.labels_of(scenes, name)
    require(len(found) == 1, "name_not_allowed")
    return found[0]


def clear_label(lexicon: Lexicon, name: str) -> str:
    """Return the label with this unambiguous name."""
    found = lexicon.label_by_clear_name.get(name, ())
    require(len(found) == 1, "name_not_allowed")
    return found[0]


def density_of(count: int) -> str:
    """Return the density class of an object count."""
    words = {word: most for most, word in DENSITIES}
    return min((word for word in words if words[word] >= count), key=words.__getitem__, default="crowded")


def labels_in(value: Any) -> list[str]:
    """Return every name in an answer; long lists of numbers are skipped."""
    found: list[str] = []
    if type(value) is dict:
        found = [value["label"]] if "label" in value else []
        found += value.get("path", ())[-1:]
        value = value.values()
    for part in value:
        first = part[0] if type(part) is list and part else None
        of_numbers = type(first) is list and bool(first) and type(first[0]) is float
        if type(part) is dict or (type(first) in (dict, list) and not of_numbers):
            found += labels_in(part)
    return found
