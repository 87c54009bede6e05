"""TOML files that people write and name: read whole, or refused in words."""

import tomllib
from pathlib import Path
from typing import Any

from medmultipoints.transforms.errors import UsageError


def read_toml(file: Path, what: str, *, absent: str, wrong: str = "") -> dict[str, Any]:
    """Return the tables of a file. UsageError begins with ``what`` the file is and ends with a remedy.

    ``absent``: the remedy where the file cannot be opened; ``wrong``: where it is not TOML. A byte order mark is
    passed over.
    """
    try:
        return tomllib.loads(file.read_text("utf-8-sig"))
    except OSError as error:
        raise UsageError(f"{what} {file}: {error.strerror}. {absent}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{what} {file}: not valid TOML: {error}. {wrong}".rstrip()) from error
