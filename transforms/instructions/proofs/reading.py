"""A row read back from its texts: what its prompt shows, gives and asks for, what its answer states."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from medmultipoints.transforms.instructions.lexicon import Lexicon
from medmultipoints.transforms.instructions.names import Name
from medmultipoints.transforms.instructions.scenes import Scene, Thing
from medmultipoints.transforms.instructions.shapes import has_shape
from medmultipoints.transforms.pictures.crops import Crop

ROUNDING_PX: Final = 0.05 + 1e-6
_TOKENS: Final = re.compile(r"((?:<image>)+) (?=\S)")
_JSON: Final = re.compile(r'\[?\{"')
_PLACEHOLDER: Final = re.compile(r"\{\w*\}")
_FENCE: Final = re.compile(r"```json\n(.*)\n```", re.DOTALL)


class Wrong(Exception):
    """The row is not what it must be; the message is the reason, a snake_case word."""


@dataclass(frozen=True, slots=True)
class Reading:
    """``images``: placeholders; ``ask``: the words before the example; ``given``: the JSON values among them.

    ``crops`` are those of the row, not of its texts.
    """

    task: str
    images: int
    ask: str
    given: tuple[Any, ...]
    answer: Any
    crops: tuple[Crop, ...] = ()


def read_row(task: str, prompt: str, answer: str, shape: Any) -> Reading:
    """What prompt and answer of a row hold.

    Wrong where the example that ends the prompt, or the answer, is not of the shape, or a placeholder is left.
    """
    tokens = _TOKENS.match(prompt)
    if tokens is None or prompt.count("<image>") != tokens[1].count("<image>") or _PLACEHOLDER.search(prompt):
        raise Wrong("prompt_unfinished")
    ask, values = _values(prompt[tokens.end() :])
    if not values or not has_shape(values[-1], shape):
        raise Wrong("prompt_shape_differs")
    stated = read_fenced(answer)
    if not has_shape(stated, shape):
        raise Wrong("answer_shape_differs")
    return Reading(task, tokens[1].count("<image>"), ask, tuple(values[:-1]), stated)


def read_fenced(answer: str) -> Any:
    """The value of a fenced block of JSON on one line."""
    block = _FENCE.fullmatch(answer)
    if block is None or "\n" in block[1]:
        raise Wrong("answer_shape_differs")
    try:
        return json.loads(block[1], object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Wrong("answer_shape_differs") from None


def _values(text: str) -> tuple[str, list[Any]]:
    """The words before the last JSON value, which ends the text, without the values among them; and all values."""
    decoder = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_refuse)
    words, values, at = [], [], 0
    while found := _JSON.search(text, at):
        words.append(text[at : found.start()])
        try:
            value, at = decoder.raw_decode(text, found.start())
        except (ValueError, RecursionError):
            raise Wrong("prompt_shape_differs") from None
        values.append(value)
    if at != len(text):
        raise Wrong("prompt_shape_differs")
    return "\ufffc".join(words), values


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key occurs twice")
    return dict(pairs)


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def same_place(stated: Sequence[float], true: Sequence[float]) -> bool:
    """Whether a stated point or box is the true one, rounded to 0.1 px."""
    return len(stated) == len(true) and all(
        abs(a - b) <= ROUNDING_PX and round(a, 1) == a for a, b in zip(stated, true, strict=True)
    )


def require(holds: bool, reason: str) -> None:
    """Nothing where it holds, else Wrong."""
    if not holds:
        raise Wrong(reason)


def find_thing(things: Sequence[Thing], box: Sequence[float], reason: str) -> Thing:
    """The one object whose box this is; Wrong where none or several have it."""
    found = [thing for thing in things if same_place(box, thing.box)]
    require(len(found) == 1, reason)
    return found[0]


def label_of(lexicon: Lexicon, scenes: Sequence[Scene], name: str) -> str:
    """The label that a name stands for in these images; Wrong where none may be called so."""
    found = [label for label in lexicon.labels() if name in _singulars(lexicon.allowed(scenes, label))]
    require(len(found) == 1, "name_not_allowed")
    return found[0]


def clear_label(lexicon: Lexicon, name: str) -> str:
    """The label that a name stands for among others."""
    found = [label for label in lexicon.labels() if lexicon.clear(label).singular == name]
    require(len(found) == 1, "name_not_allowed")
    return found[0]


def _singulars(names: Sequence[Name]) -> set[str]:
    return {name.singular for name in names}
