"""Read TOML files from users, with errors for people."""

import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.problems import problems

Model = TypeVar("Model", bound=BaseModel)


def read_toml(file: Path, what: str, *, absent: str, wrong: str = "") -> dict[str, Any]:
    """Return the tables of a file. UsageError starts with ``what``, the kind of file, and ends with a remedy.

    ``absent``: the remedy if the file cannot be opened; ``wrong``: if it is not TOML. A byte order mark is skipped.
    """
    try:
        return tomllib.loads(file.read_text("utf-8-sig"))
    except OSError as error:
        raise UsageError(f"{what} {file}: {error.strerror}. {absent}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{what} {file}: not valid TOML: {explain(error)}. {wrong}".rstrip()) from error


def explain(error: Exception) -> str:
    """Return the text of a TOML error; for a table that is written twice, with a remedy."""
    said = str(error)
    found = re.search(r"\(('[^()]*)\)", said)
    if found is None or not said.startswith(("Cannot declare", "Cannot mutate")):
        return said
    name = ".".join(re.findall(r"'([^']*)'", found[1]))
    where = said.rpartition("(")[2].rstrip(")")
    return f"[{name}] {where} was written before, or a table above it was, perhaps in braces; write all keys there"


def read_model(kind: type[Model], file: Path, what: str, *, absent: str, wrong: str) -> Model:
    """Return the checked content of a file. UsageError names every invalid key; other errors as in ``read_toml``."""
    content = read_toml(file, what, absent=absent, wrong=wrong)
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise UsageError(f"{what} {file}: {problems(error, kind)}. {wrong}") from error
