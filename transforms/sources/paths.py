"""Split member paths, and detect files left behind by operating systems."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from medmultipoints.transforms.reporting.counted import first_few

IMAGE_EXTENSIONS = frozenset({".jpg", ".jpeg", ".png"})
_CLUTTER_NAMES = frozenset({"thumbs.db", "desktop.ini"})


@dataclass(frozen=True, slots=True)
class MemberPath:
    """A member's path: its name, folders from outermost to innermost, stem and lower-case extension."""

    name: str
    folders: tuple[str, ...]
    stem: str
    extension: str

    @property
    def folder(self) -> str:
        """Innermost folder, or an empty string at the top."""
        return self.folders[-1] if self.folders else ""

    @property
    def filename(self) -> str:
        return self.name.rpartition("/")[2]

    @property
    def is_image(self) -> bool:
        return self.extension in IMAGE_EXTENSIONS

    @property
    def is_clutter(self) -> bool:
        """Whether an operating system left the file behind: resource forks, hidden files, thumbnails."""
        return self.is_hidden or "__MACOSX" in self.folders or self.filename.lower() in _CLUTTER_NAMES

    @property
    def is_hidden(self) -> bool:
        """Whether the name, or that of a folder above it, begins with a dot; such files are not read."""
        return any(part.startswith(".") and part not in (".", "..") for part in (*self.folders, self.filename))


def split_path(name: str) -> MemberPath:
    """Return the parts of one member path; ``a/b.tar/c.JPG`` has the stem ``c`` and the extension ``.jpg``."""
    *folders, filename = name.split("/")
    stem, dot, extension = filename.rpartition(".")
    if not dot:
        stem, extension = filename, ""
    return MemberPath(name, tuple(folders), stem, f"{dot}{extension}".lower())


def split_paths(names: Iterable[str]) -> tuple[MemberPath, ...]:
    """Return the parts of all member paths, sorted by path."""
    return tuple(split_path(name) for name in sorted(names))


def differ_in_zeros(names: Iterable[str], others: Iterable[str]) -> tuple[str, str] | None:
    """Return the first name that equals one of the others but for leading zeros of its numbers, and that other."""
    known = {_without_zeros(other): other for other in others}
    pairs = ((name, known.get(_without_zeros(name), name)) for name in names)
    return next(((name, other) for name, other in pairs if name != other), None)


def _without_zeros(name: str) -> str:
    return re.sub(r"(?<!\d)0+(?=\d)", "", name)


def describe_found(paths: Iterable[MemberPath]) -> str:
    """Return a short list of the members found, for messages about a wrong archive."""
    return f"found {first_few([path.name for path in paths], 3) or 'no files at all'}"
