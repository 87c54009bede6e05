"""Replace what fills the holes of a group, such as names of patients, with hashes in everything that a release holds.

Readers see the paths as they are, since annotations name pictures by them. ``hide_names`` changes what they return, and
later stages open the files of the source under the changed paths.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from functools import lru_cache
from typing import Any, Final

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.records import Exclusion, Indexed, Sample
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.declaration.patterns import compile_pattern, template_holes

_WORD: Final = re.compile(r"[^\W\d_]+|\d+")
"""Letters, or digits: a name begins and ends with one of these, and never in the middle of one."""


def hides_names(read: Mapping[str, Any] | None) -> bool:
    """Return whether a table ``read``, which may be incomplete, asks for hashes."""
    groups = (read or {}).get("groups")
    return isinstance(groups, Mapping) and bool(groups.get("hash"))


def hash_name(text: str) -> str:
    """Return what replaces a text: 16 hex digits of its sha256."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class HiddenNames:
    """Replaces given names in a text with hashes, ignoring case and reading ``_`` as a blank."""

    def __init__(self, names: Iterable[str]) -> None:
        self._hashes: dict[str, str] = {}
        self._by_word: dict[str, set[str]] = {}
        for name in sorted(set(names)):
            if words := list(_WORD.finditer(name)):
                core = name[words[0].start() : words[-1].end()]
                self._hashes[core] = hash_name(name)
                self._hashes.setdefault(_fold(core), hash_name(name))
                self._by_word.setdefault(words[0][0].casefold(), set()).add(_fold(core))

    def __call__(self, text: str) -> str:
        parts, done = [], 0
        for word in _WORD.finditer(text):
            if word.start() >= done and (end := self._end(text, word)):
                held = text[word.start() : end]
                parts += [text[done : word.start()], self._hashes.get(held) or self._hashes[_fold(held)]]
                done = end
        return "".join(parts) + text[done:]

    def _end(self, text: str, word: re.Match[str]) -> int:
        """Return where the longest name ends that begins at a word, or 0."""
        fitting = self._by_word.get(word[0].casefold(), ())
        ends = (word.start() + len(name) for name in fitting if _fold(text[word.start() :][: len(name)]) == name)
        return max((end for end in ends if not _is_inside(text, end)), default=0)


def _fold(text: str) -> str:
    return re.sub(r"\s", "_", text).casefold()


def _is_inside(text: str, at: int) -> bool:
    """Return whether a position lies between two letters, or between two digits."""
    sides = text[at - 1 : at + 1] if at else ""
    return len(sides) == 2 and (sides.isalpha() or sides.isdigit())


def find_hidden(source: str, declaration: Declaration, names: Iterable[str]) -> Callable[[str], str]:
    """Return what hides, in texts of a source, all that fills the holes of its group in the paths of its files.

    Errors: UsageError if a name cannot be separated from the text around it, or two paths would become one.
    """
    return _hidden(source, declaration.groups.group or "", tuple(declaration.patterns), tuple(names))


@lru_cache(maxsize=16)
def _hidden(source: str, group: str, patterns: tuple[str, ...], names: tuple[str, ...]) -> Callable[[str], str]:
    secrets: set[str] = set()
    for pattern in map(compile_pattern, patterns):
        for hole in set(template_holes(group)) & set(pattern.holes):
            for name in filter(pattern.fits, names):
                secrets |= {name[start:end] for start, end in _separate(source, name, pattern.spans(name), hole)}
    hide = HiddenNames(secrets)
    known: dict[str, str] = {}
    for name in names:
        if (other := known.setdefault(hide(name), name)) != name:
            said = f"{name} and {other} would have the same path with hashed names"
            raise UsageError(f"sources.{source}.read.groups.hash: {said}. Rename one of them.")
    return hide


def _separate(source: str, name: str, spans: Mapping[str, tuple[int, int]], hole: str) -> Iterable[tuple[int, int]]:
    """Yield where a hole is in a path, if it is filled there. Raise UsageError if it begins or ends inside a word."""
    if hole in spans:
        if any(_is_inside(name, at) for at in spans[hole]):
            said = f"what fills {{{hole}}} in {name} touches other letters or digits, so it cannot be found again"
            raise UsageError(f"sources.{source}.read.groups.hash: {said}. Rename the files with a separator there.")
        yield spans[hole]


def hide_names(indexed: Indexed, hide: Callable[[str], str]) -> Indexed:
    """Return the result of a reader with hidden names in paths, sample ids, keys and details."""
    samples = tuple(_hide_sample(sample, hide) for sample in indexed.samples)
    exclusions = (_hide_exclusion(row, hide) for row in indexed.exclusions)
    return Indexed(
        tuple(sorted(samples, key=lambda sample: sample.sample_id)),
        frozenset(map(hide, indexed.used)),
        tuple(sorted(exclusions, key=lambda row: row.key)),
    )


_PATHS: Final = (*(field.name for field in fields(Sample) if field.name.endswith("_member")), "video_id")


def _hide_sample(sample: Sample, hide: Callable[[str], str]) -> Sample:
    paths: dict[str, Any] = {name: hide(path) for name in _PATHS if (path := getattr(sample, name)) is not None}
    return replace(
        sample,
        stem=hide(sample.stem),
        annotations=tuple(replace(one, key=hide(one.key)) for one in sample.annotations),
        layers=tuple(replace(one, member=hide(one.member), grid=hide(one.grid)) for one in sample.layers),
        neighbours=tuple(replace(one, member=hide(one.member)) for one in sample.neighbours),
        **paths,
    )


def _hide_exclusion(row: Exclusion, hide: Callable[[str], str]) -> Exclusion:
    sample_id = row.sample_id and f"{row.source}/{hide(row.sample_id.partition('/')[2])}"
    return replace(row, key=hide(row.key), detail=hide(row.detail), sample_id=sample_id)
