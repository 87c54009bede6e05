"""Load the definitions for prompts: built-in ones and those in the user's folders."""

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from medmultipoints.transforms.descriptions.knowledge_entries import Entry, parse_entries
from medmultipoints.transforms.errors import UsageError


def load_definitions(folders: Iterable[Path | str] = ()) -> tuple[Entry, ...]:
    """Return all entries; an entry of a later folder replaces an earlier one on the same subject."""
    shipped = files("medmultipoints.data_lake.describe") / "knowledge"
    texts = [(one.name, one.read_text("utf-8")) for one in shipped.iterdir() if one.name.endswith(".toml")]
    found = [entry for name, text in sorted(texts) for entry in parse_entries(name, text)]
    for folder in map(Path, folders):
        found += _read_folder(folder)
    return tuple(found)


def _read_folder(folder: Path) -> list[Entry]:
    paths = sorted(folder.glob("*.toml"))
    if not paths:
        raise UsageError(f"knowledge: {folder} has no TOML file. Correct the path.")
    try:
        return [entry for path in paths for entry in parse_entries(str(path), path.read_text("utf-8"))]
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"knowledge: {folder} cannot be read: {error}. Correct the file.") from error
