"""Propose path patterns that match a set of members, for ``images`` and ``annotations``."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from medmultipoints.transforms.sources.declaration.parts import COLUMNS
from medmultipoints.transforms.sources.declaration.patterns import PatternError, compile_pattern

SPLIT_WORDS: Final = frozenset(
    {"train", "training", "trainval", "val", "valid", "validation", "dev", "test", "testing", "eval"}
)
_SPECIAL: Final = re.compile(r"[\[\]{}*]")
_SHARD: Final = re.compile(r"(?P<split>[A-Za-z]+)-[^.]*\d[^.]*(?P<end>\..+)")
"""Name of a part of a split, such as train-00000-of-00002.parquet."""
_MOST: Final = 12


def propose_patterns(names: Iterable[str], others: Iterable[str] = ()) -> tuple[str, ...]:
    """Return as few patterns as possible that match all of ``names`` and none of ``others``.

    A differing folder becomes the hole ``{split}`` if all its values are words for splits, else ``{folder}``.
    """
    wanted = tuple(dict.fromkeys(names))
    foreign = frozenset(others) - frozenset(wanted)
    if not wanted:
        return ()
    by_shape: dict[tuple[int, str], list[str]] = {}
    for name in wanted:
        by_shape.setdefault((name.count("/"), _extension(name)), []).append(name)
    found = [
        pattern
        for (depth, extension), group in sorted(by_shape.items())
        for pattern in _fitting(
            group, _in_same_folders(by_shape, depth, extension), extension, foreign, len(wanted) == 1
        )
    ]
    return tuple(dict.fromkeys(found))


def _in_same_folders(by_shape: Mapping[tuple[int, str], Sequence[str]], depth: int, extension: str) -> list[str]:
    """Return the names of an extension, and those of others that share a folder with them; folders of splits are one.

    They show which folders differ: in the only folder with a PNG picture, too, the others' folders are a hole.
    """
    places = {key: set(map(_place, names)) for key, names in by_shape.items() if key[0] == depth}
    own = places[depth, extension]
    return [name for key, held in places.items() if held & own for name in by_shape[key]]


def _place(name: str) -> tuple[str, ...]:
    """Return the folders of a name, with one word for all splits."""
    return tuple("train" if part.lower() in SPLIT_WORDS else part for part in name.split("/")[:-1])


def _fitting(
    group: Sequence[str], together: Sequence[str], extension: str, foreign: frozenset[str], single: bool
) -> list[str]:
    general = _pattern(group, together, extension, single)
    if not _matches_any(general, foreign):
        return [general]
    alone = _pattern(group, group, extension, single)
    if not _matches_any(alone, foreign):
        return [alone]
    repeated = propose_repeated(group, foreign)
    if repeated is not None:
        return [repeated]
    by_folder: dict[str, list[str]] = {}
    for name in group:
        by_folder.setdefault(name.rpartition("/")[0], []).append(name)
    narrow = [_pattern(names, names, extension, len(names) == 1) for _, names in sorted(by_folder.items())]
    if len(narrow) <= _MOST and not any(_matches_any(pattern, foreign) for pattern in narrow):
        return narrow
    common = _with_affixes(group, extension, foreign)
    if common is not None:
        return [common]
    return [general] if len(group) > _MOST else [literal(name) for name in group]


def _pattern(group: Sequence[str], together: Sequence[str], extension: str, single: bool) -> str:
    """Return the pattern of names of one extension; the folders of ``together`` show which of them differ."""
    rows = [name.split("/") for name in together]
    used: dict[str, int] = {}
    parts = [_folder_part({row[at] for row in rows}, used) for at in range(len(rows[0]) - 1)]
    filenames = {name.rpartition("/")[2] for name in group}
    if len(filenames) == 1 and (single or (used and len(together) == len(group))):
        return "/".join([*parts, literal(filenames.pop())])
    return "/".join([*parts, _split_part(filenames) or f"{{stem}}{literal(extension)}"])


def _split_part(filenames: set[str]) -> str | None:
    """Return ``instances_{split}.json`` or ``{split}_mask`` for names that differ only in a split word, or None.

    Shards (``train-00000-of-00002.parquet``) differ in their numbers, too: ``{split}-{shard}.parquet``.
    """
    shards = [_SHARD.fullmatch(name) for name in filenames]
    found = [shard for shard in shards if shard is not None and shard["split"].lower() in SPLIT_WORDS]
    if len(found) == len(filenames) > 1 and len({shard["end"] for shard in found}) == 1:
        return f"{{split}}-{{shard}}{literal(found[0]['end'])}"
    prefix, suffix = common_start(sorted(filenames)), common_start([name[::-1] for name in filenames])[::-1]
    if len(filenames) < 2 or min(map(len, filenames)) <= len(prefix) + len(suffix):
        return None
    prefix = prefix[: len(prefix) - next((at for at, c in enumerate(reversed(prefix)) if not c.isalpha()), len(prefix))]
    at = next((at for at, c in enumerate(suffix) if not c.isalpha()), len(suffix))
    suffix = suffix[at:]
    middles = {name[len(prefix) : len(name) - len(suffix)].lower() for name in filenames}
    return f"{literal(prefix)}{{split}}{literal(suffix)}" if middles <= SPLIT_WORDS else None


def _with_affixes(group: Sequence[str], extension: str, foreign: frozenset[str]) -> str | None:
    """Return a pattern with the common prefix or suffix of all names if it excludes the others, or None."""
    stems = [name.rpartition("/")[2].removesuffix(extension) for name in group]
    prefix, suffix = common_start(stems), common_start([stem[::-1] for stem in stems])[::-1]
    rows = [name.split("/") for name in group]
    folders = [_folder_part({row[at] for row in rows}, {}) for at in range(len(rows[0]) - 1)]
    for before, after in ((prefix, ""), ("", suffix), (prefix, suffix)):
        if (before or after) and min(map(len, stems)) > len(before) + len(after):
            pattern = "/".join([*folders, f"{literal(before)}{{stem}}{literal(after)}{literal(extension)}"])
            if not _matches_any(pattern, foreign) and all(_match(pattern, name) for name in group):
                return pattern
    return None


def propose_repeated(names: Sequence[str], others: Iterable[str] = (), hole: str = "stem") -> str | None:
    """Return a pattern of files named after a folder, such as ``{folder}/{folder}_frame{nr:int}.png``, or None.

    ``hole``: name of what differs in other ways than by a number.
    """
    rows = [name.split("/") for name in names]
    used: dict[str, int] = {}
    parts = [_folder_part({row[at] for row in rows}, used) for at in range(len(rows[0]) - 1)]
    for at, part in enumerate(parts):
        if not part.startswith("{folder") or not all(_begins(row[-1], row[at]) for row in rows):
            continue
        rests = [row[-1].removeprefix(row[at]) for row in rows]
        rest = literal(rests[0]) if len(set(rests)) == 1 else _rest_pattern(rests, hole)
        pattern = "/".join([*parts, part + rest])
        if all(_match(pattern, name) for name in names) and not _matches_any(pattern, set(others) - set(names)):
            return pattern
    return None


def _begins(text: str, start: str) -> bool:
    return text.startswith(start) and not text[len(start) :][:1].isalnum()


def _rest_pattern(rests: Sequence[str], hole: str) -> str:
    """Return the pattern of what follows the folder's name in names of files."""
    extension = _extension(rests[0])
    stems = [rest.removesuffix(extension) for rest in rests]
    prefix, suffix = common_start(stems), common_start([stem[::-1] for stem in stems])[::-1]
    before, after = prefix.rstrip("0123456789"), suffix.lstrip("0123456789")
    middles = [stem[len(before) : len(stem) - len(after)] for stem in stems]
    if all(middle.isascii() and middle.isdecimal() for middle in middles):
        return f"{literal(before)}{{nr:int}}{literal(after)}{literal(extension)}"
    ends = [at + 1 for at, character in enumerate(prefix) if not character.isalnum()] or [0]
    return f"{literal(prefix[: ends[-1] if hole == 'stem' else ends[0]])}{{{hole}}}{literal(extension)}"


def common_start(texts: Sequence[str]) -> str:
    """Return the longest common prefix."""
    first, last = min(texts), max(texts)
    length = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(map(len, texts)))
    return first[:length]


def _folder_part(values: set[str], used: dict[str, int]) -> str:
    if len(values) == 1:
        return literal(next(iter(values)))
    if "split" not in used and (around := _split_part(values)) is not None:
        used["split"] = 1
        return around
    name = "split" if {value.lower() for value in values} <= SPLIT_WORDS else "folder"
    used[name] = used.get(name, 0) + 1
    return f"{{{name}}}" if used[name] == 1 else f"{{{name}{used[name]}}}"


def literal(text: str) -> str:
    """Return the text as a pattern, with special characters replaced by ``*``."""
    return re.sub(r"\*+", "*", _SPECIAL.sub("*", text))


def _extension(name: str) -> str:
    filename = name.rpartition("/")[2]
    if filename.lower().endswith(".nii.gz"):
        return filename[-7:]
    stem, dot, extension = filename.rpartition(".")
    return f".{extension}" if dot and stem else ""


def _matches_any(pattern: str, names: Iterable[str]) -> bool:
    return any(_match(pattern, name) for name in names)


def _match(pattern: str, name: str) -> bool:
    try:
        return compile_pattern(pattern).match(name) is not None
    except PatternError:
        return True


def hole_columns(name: str, patterns: Sequence[str]) -> dict[str, str]:
    """Return the values of holes in an annotation's path that are named like columns (``COLUMNS``)."""
    for pattern in patterns:
        values = compile_pattern(pattern).match(name)
        if values is not None:
            return {key: value for key, value in values.items() if key in COLUMNS}
    return {}
