"""Open a path from the user as a source, read a declaration that names one, and find truncated pictures."""

from pathlib import Path
from typing import Any, Final

from medmultipoints.data_lake.archives.source_files import SourceFiles, open_source
from medmultipoints.transforms.errors import MachineError, MemberProblem, UsageError
from medmultipoints.transforms.pictures.decode import decode_image
from medmultipoints.transforms.reporting.counted import first_few, plural
from medmultipoints.transforms.sources.annotated import Hint
from medmultipoints.transforms.sources.paths import split_path
from medmultipoints.transforms.toml_text import parse_toml

_ENDS: Final = {".jpg": b"\xff\xd9", ".jpeg": b"\xff\xd9", ".png": b"IEND"}
_LAST_BYTES: Final = 64
"""Bytes in which the end is sought: padding may follow it."""
_DECODED: Final = 200
"""Pictures without an end that are decoded: other data than padding may follow the end, which is no damage."""


def read_declaration_file(path: Path) -> dict[str, Any]:
    """Return the tables of a declaration; UsageError if it is not TOML, MachineError if it cannot be read."""
    try:
        held = parse_toml(path.read_bytes(), str(path))
    except OSError as error:
        raise MachineError(f"{path} cannot be read: {error.strerror}.") from error
    read = held.get("read", {})
    if not isinstance(read, dict):
        raise UsageError(f"{path}: [read] is {read!r}, not a table. Correct the declaration.")
    return held


def open_given(name: str, path: Path, scratch: Path) -> SourceFiles:
    """Return the files of a folder or an archive."""
    return open_source(name, path, scratch)


def find_truncated(files: SourceFiles) -> tuple[Hint, ...]:
    """Return a hint with the number and the first names of JPEG and PNG files that a build rejects as truncated.

    Members of archives are left out, since finding their end means unpacking them.
    """
    endless = [name for name in files.names() if _has_no_end(files, name)]
    cut = [name for name in endless[:_DECODED] if _is_cut(files, name)]
    if not cut:
        return ()
    least = "at least " if len(endless) > _DECODED else ""
    text = f"{least}{plural(len(cut), 'picture')} whose file ends too early: {first_few(cut, 3)}"
    return (Hint("truncated", f"{text}; copy the files again, or a build puts them in quarantine"),)


def _has_no_end(files: SourceFiles, name: str) -> bool:
    end = _ENDS.get(split_path(name).extension)
    last = files.tail(name, _LAST_BYTES) if end else None
    return end is not None and last is not None and end not in last


def _is_cut(files: SourceFiles, name: str) -> bool:
    try:
        decode_image(files.read(name))
    except MemberProblem as problem:
        return problem.reason == "truncated_image"
    return False
