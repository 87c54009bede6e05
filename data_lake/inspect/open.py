"""Open a path from the user as a source, or read a declaration that names one."""

from pathlib import Path
from typing import Any

from medmultipoints.data_lake.archives.source_files import SourceFiles, open_source
from medmultipoints.transforms.errors import MachineError, UsageError
from medmultipoints.transforms.toml_text import parse_toml


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
