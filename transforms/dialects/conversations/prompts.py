"""Split prompts into question and format request, and restate them for another coordinate frame."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson

from medmultipoints.transforms.dialects.conversations.answers import (
    Unsupported,
    check_text,
    convert_numbers,
    write_json,
)
from medmultipoints.transforms.dialects.frames import PIXELS, Frame, Size, encode_box, encode_point
from medmultipoints.transforms.instructions.naming.names import IMAGE_TOKEN
from medmultipoints.transforms.instructions.proofs.reading import example_start

_PLACEHOLDER: Final = re.compile(r"\\\{\w+\\\}")  # as re.escape writes {name}
GIVEN: Final = re.compile(r'\{"(?:bbox_2d|point_2d)": \[[-\d., \[\]]*\]\}')
"""Coordinates given in a question: one JSON object with a box or points."""
PIXELS_ASKED: Final = "the prompt speaks of pixels in words that cannot be changed"
_SENTENCE_END: Final = re.compile(r"(?<=[.?!]) ")
_EXAMPLE_SIZE: Final = Size(1000, 1000)  # a prompt's example belongs to no picture: it is converted with this size


class Prompt(NamedTuple):
    """A prompt in two parts: the question, and the format request (may be empty)."""

    ask: str
    request: str

    @property
    def text(self) -> str:
        return f"{self.ask} {self.request}".strip()


@dataclass(frozen=True, slots=True)
class Requests:
    """The format requests of each task's templates."""

    patterns: Mapping[str, re.Pattern[str]]


def learn_requests(requests: Mapping[str, Sequence[str]]) -> Requests:
    """Return the patterns with which ``split_prompt`` finds the request at the end of a prompt.

    Placeholders match any name.
    """
    return Requests({task: _pattern(tuple(dict.fromkeys(texts))) for task, texts in requests.items() if texts})


def _pattern(texts: tuple[str, ...]) -> re.Pattern[str]:
    choices = "|".join(_PLACEHOLDER.sub(r'[^"{}\\n]+?', re.escape(text)) for text in texts)
    return re.compile(rf"(?P<ask>.*\S) (?P<request>{choices})", re.DOTALL)


def split_prompt(task: str, prompt: str, requests: Requests) -> Prompt:
    """Return question and request of a prompt, without the image placeholder.

    A request from no known template begins with the sentence that has the JSON example.
    """
    bare = prompt.replace(IMAGE_TOKEN, "").strip()
    pattern = requests.patterns.get(task)
    found = pattern.fullmatch(bare) if pattern else None
    if found:
        return Prompt(found["ask"], found["request"])
    start = example_start(bare)
    if start is None:
        return Prompt(bare, "")
    ends = [match.end() for match in _SENTENCE_END.finditer(bare, 0, start)]
    return Prompt(bare[: ends[-1]].strip(), bare[ends[-1] :]) if ends else Prompt(bare, "")


def asked_name(request: str) -> str | None:
    """Return the name of the object in the JSON example of a request, or None."""
    example = example_content(request)
    entries = example if isinstance(example, list) else [example]
    labels = {entry["label"] for entry in entries if isinstance(entry, dict) and isinstance(entry.get("label"), str)}
    return labels.pop() if len(labels) == 1 else None


def restate(prompt: Prompt, frame: Frame, size: Size) -> str:
    """Return the prompt's text in words and numbers of another frame; ``size`` is the size of its pictures.

    Coordinates given as JSON are converted. Raise Unsupported if the question has coordinates in another form, or if
    question or request mention pixels in a way that cannot be restated for the frame.
    """
    check_ask(prompt.ask, frame)
    ask = GIVEN.sub(lambda found: write_json(_convert_given(orjson.loads(found[0]), frame, size)), prompt.ask)
    return f"{ask} {_restate(prompt.request, frame)}".strip()


def check_ask(ask: str, frame: Frame | None = None) -> str:
    """Return the question unchanged; raise Unsupported if it is wrong in the frame (None: any frame)."""
    check_text(GIVEN.sub("", ask))
    if (frame is None or frame.words != PIXELS.words) and "pixel" in ask.lower():
        raise Unsupported(PIXELS_ASKED)
    return ask


def _convert_given(given: Any, frame: Frame, size: Size) -> Any:
    return convert_numbers(
        given, lambda point: encode_point(frame, point, size), lambda box: encode_box(frame, box, size)
    )


@lru_cache(maxsize=4096)
def _restate(request: str, frame: Frame) -> str:
    """Return a format request in words and example numbers of another frame."""
    example = _read_example(request)
    words, rest = (request[: example[0]], example[1]) if example else (request, None)
    words = words.replace("pixel coordinates", f"coordinates {frame.words}").replace("in pixels", frame.words)
    if "pixel" in words.replace("in pixels", "" if frame.words == PIXELS.words else "pixel"):
        raise Unsupported(PIXELS_ASKED)
    if rest is None:
        return words
    return words + write_json(_convert_given(rest, frame, _EXAMPLE_SIZE))


def neutral_request(content: Any) -> str:
    """Return a format request for a JSON answer that names its keys without coordinates."""
    entry = content[0] if isinstance(content, list) and content else content
    if isinstance(entry, dict):
        keys = ", ".join(f'"{key}"' for key in entry)
        kind = "a list of objects" if isinstance(content, list) else "one object"
        return f"Answer only with JSON in a fenced code block: {kind} with the keys {keys}."
    return "Answer only with JSON in a fenced code block."


def example_content(request: str) -> Any:
    """Return the JSON example of a request, None without one."""
    example = _read_example(request)
    return example[1] if example else None


def _read_example(request: str) -> tuple[int, Any] | None:
    start = example_start(request)
    try:
        return None if start is None else (start, orjson.loads(request[start:]))
    except orjson.JSONDecodeError:
        return None
