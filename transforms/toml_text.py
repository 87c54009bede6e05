"""Parse TOML that people write, with errors for people."""

import re
import tomllib
from typing import Any

from medmultipoints.transforms.errors import UsageError


def parse_toml(content: bytes | str, what: str, remedy: str = "Correct the file.") -> dict[str, Any]:
    """Return the tables of a TOML file; a byte order mark is skipped.

    UsageError starts with ``what``, the file, and ends with the remedy.
    """
    try:
        return tomllib.loads(content.decode("utf-8-sig") if isinstance(content, bytes) else content)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{what}: not valid TOML: {_explain(error)}. {remedy}".rstrip()) from error


def _explain(error: Exception) -> str:
    """Return the text of a TOML error; for a table that is written twice, with a remedy."""
    said = str(error)
    found = re.search(r"\(('[^()]*)\)", said)
    if found is None or not said.startswith(("Cannot declare", "Cannot mutate")):
        return said
    name = ".".join(re.findall(r"'([^']*)'", found[1]))
    where = said.rpartition("(")[2].rstrip(")")
    return f"[{name}] {where} was written before, or a table above it was, perhaps in braces; write all keys there"
