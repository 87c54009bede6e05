"""Read TOML files from users, with errors for people."""

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.problems import problems
from medmultipoints.transforms.toml_text import parse_toml

Model = TypeVar("Model", bound=BaseModel)


def read_toml(file: Path, what: str, *, absent: str, wrong: str = "") -> dict[str, Any]:
    """Return the tables of a file. UsageError starts with ``what``, the kind of file, and ends with a remedy.

    ``absent``: the remedy if the file cannot be opened; ``wrong``: if it is not TOML. A byte order mark is skipped.
    """
    try:
        return parse_toml(file.read_bytes(), f"{what} {file}", wrong)
    except OSError as error:
        raise UsageError(f"{what} {file}: {error.strerror}. {absent}") from error


def read_model(kind: type[Model], file: Path, what: str, *, absent: str, wrong: str) -> Model:
    """Return the checked content of a file. UsageError names every invalid key; other errors as in ``read_toml``."""
    content = read_toml(file, what, absent=absent, wrong=wrong)
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise UsageError(f"{what} {file}: {problems(error, kind)}. {wrong}") from error
