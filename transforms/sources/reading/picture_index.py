"""Find the pictures that annotations refer to by name.

Names may have folders of other machines, backslashes, another case or another extension. A name joins the picture with
the most equal last path parts; a tie is ambiguous and joins none.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from medmultipoints.transforms.sources.paths import split_path

Join = Literal["exact", "tail", "case", "stem", "missing", "ambiguous"]


@dataclass(frozen=True, slots=True)
class Joined:
    """Result of joining a name with a picture; ``member`` is None for ``missing`` and ``ambiguous``."""

    member: str | None
    join: Join
    unsafe: bool = False


@dataclass(frozen=True)
class PictureIndex:
    """Index of the pictures of a source by name."""

    names: tuple[str, ...]

    @cached_property
    def _exact(self) -> frozenset[str]:
        return frozenset(self.names)

    @cached_property
    def _by_file(self) -> dict[str, list[str]]:
        return _gather((name.rpartition("/")[2], name) for name in self.names)

    @cached_property
    def _by_folded(self) -> dict[str, list[str]]:
        return _gather((fold(name.rpartition("/")[2]), name) for name in self.names)

    @cached_property
    def _by_stem(self) -> dict[str, list[str]]:
        return _gather((fold(split_path(name).stem), name) for name in self.names)

    @cached_property
    def _by_folder(self) -> dict[str, list[str]]:
        """Pictures by ``folder_name``, as DeepLesion lists ``folder/name``."""
        return _gather((fold("_".join(name.split("/")[-2:])), name) for name in self.names if "/" in name)

    def find(self, stated: str, near: str = "") -> Joined:
        """Return the picture of a name; ``near``: the member that names it, to break ties.

        A name that joins none is also read as an address, without escapes and what follows a question mark.
        """
        found = self._find(stated, near)
        plain = _unescape(stated.partition("?")[0])
        return self._find(plain, near) if found.join == "missing" and plain not in ("", stated) else found

    def _find(self, stated: str, near: str) -> Joined:
        parts, unsafe = clean_parts(stated)
        if not parts:
            return Joined(None, "missing", unsafe)
        tail = "/".join(parts)
        if not unsafe and tail in self._exact:
            return Joined(tail, "exact")
        path = split_path(parts[-1])
        tables: tuple[tuple[Join, list[str] | None], ...] = (
            ("tail", self._by_file.get(parts[-1])),
            ("case", self._by_folded.get(fold(parts[-1]))),
            ("stem", None if " " in path.extension else self._by_stem.get(fold(path.stem))),
            ("stem", self._by_stem.get(fold(parts[-1]))),
        )
        for join, found in tables:
            if found:
                member = _nearest(found, parts, near)
                return Joined(member, join if member else "ambiguous", unsafe)
        found = self._by_folder.get(fold(parts[-1]), []) if "_" in parts[-1] else []
        return Joined(found[0], "stem", unsafe) if len(found) == 1 else Joined(None, "missing", unsafe)

    def find_stem(self, stem: str, near: str) -> Joined:
        """Return the picture with a stem, nearest to the member ``near``."""
        found = self._by_stem.get(fold(stem))
        if not found:
            return Joined(None, "missing")
        member = _nearest(found, [stem], near)
        return Joined(member, "stem" if member else "ambiguous")

    def find_own(self, name: str, stated: str = "") -> Joined:
        """Return the picture with the stem of an annotation file, else the one that the file names."""
        own = self.find_stem(split_path(name).stem, name)
        return own if own.member or not stated else self.find(stated, name)

    def find_beginning(self, stated: str, near: str) -> Joined:
        """Return the picture with the longest common beginning of words: ``a_1_image`` for ``a_1_gt``.

        A beginning shared by several pictures is ambiguous.
        """
        stem = fold(split_path(clean_parts(stated)[0][-1]).stem) if clean_parts(stated)[0] else ""
        for at in range(len(stem) - 1, 0, -1):
            found = self._by_beginning.get(stem[:at]) if not stem[at].isalnum() else None
            if found:
                member = _nearest(found, [stem], near) if len(found) == 1 else None
                return Joined(member, "stem" if member else "ambiguous")
        return Joined(None, "missing")

    @cached_property
    def _by_beginning(self) -> dict[str, list[str]]:
        pairs = ((fold(split_path(name).stem), name) for name in self.names)
        cut = (
            (stem[:at], name)
            for stem, name in pairs
            for at in range(1, len(stem) + 1)
            if not stem[at : at + 1].isalnum()
        )
        return _gather(cut)


def clean_parts(stated: str) -> tuple[list[str], bool]:
    """Return the path parts without drives, roots, ``.`` and ``..``, and whether the path leaves the source."""
    posix = stated.replace("\\", "/").strip()
    absolute = posix.startswith("/") or bool(re.match(r"^[A-Za-z]:|^[a-z]+://", posix))
    posix = re.sub(r"^([A-Za-z]:|[a-z0-9]+://)", "", posix)
    parts = [part for part in posix.split("/") if part not in ("", ".")]
    unsafe = absolute or ".." in parts
    return [part for part in parts if part != ".."], unsafe


def _unescape(text: str) -> str:
    """Return an address with its escapes (``%20``) as characters, or unchanged if they are no UTF-8."""
    held = re.sub(rb"%([0-9A-Fa-f]{2})", lambda found: bytes.fromhex(found[1].decode()), text.encode(errors="replace"))
    try:
        return held.decode()
    except UnicodeDecodeError:
        return text


def fold(text: str) -> str:
    """Return the text case-folded, in NFC."""
    return unicodedata.normalize("NFC", text).casefold()


def _gather(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, name in pairs:
        found.setdefault(key, []).append(name)
    return found


def _nearest(found: list[str], parts: list[str], near: str) -> str | None:
    """Return the name with most last parts of the stated name, then most path parts of ``near``; None for a tie.

    Then folders count that are a word of the file's name: ``instances_train.json`` is about ``train``. Of pictures in
    one place whose names differ in case alone, the one spelt as stated is nearest.
    """
    if len(found) == 1:
        return found[0]
    nearby = {fold(part) for part in near.split("/")[:-1]}
    words = set(re.split(r"[\W_]+", fold(split_path(near).stem)))
    spelt = {parts[-1], split_path(parts[-1]).stem}

    def rank(name: str) -> tuple[int, int, int, bool]:
        own = name.split("/")
        tail = 0
        for ours, stated in zip(reversed(own[:-1]), reversed(parts[:-1]), strict=False):
            if fold(ours) != fold(stated):
                break
            tail += 1
        folders = {fold(part) for part in own[:-1]}
        return tail, len(folders & nearby), len(folders & words), split_path(name).stem in spelt

    ranked = sorted(((rank(name), name) for name in found), reverse=True)
    return ranked[0][1] if ranked[0][0] != ranked[1][0] else None
