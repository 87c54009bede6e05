"""What texts of a recipe must look like, and what is wrong with a recipe, in words."""

from datetime import date
from difflib import get_close_matches
from typing import Annotated, get_args

from pydantic import AfterValidator, BaseModel, Field, ValidationError
from pydantic_core import ErrorDetails

from medmultipoints.transforms.review.mask_files import MASK_FILE

NAME, VERSION = r"^[a-z][a-z0-9_]*$", r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$"
ASKED_VERSION = rf"^auto$|{VERSION}"
LABEL, DATE = r"^[A-Za-z0-9][A-Za-z0-9 _-]*$", r"^\d{4}-\d{2}-\d{2}$"
SHA256, SAMPLE = r"^[0-9a-f]{64}$", r"^[a-z][a-z0-9_]*/\S+$"
REPOSITORY = r"^[^/\s]+/[^/\s]+$"
PATTERNS = {
    NAME: "a name of lower-case letters, digits and _ that begins with a letter",
    VERSION: "a version of three numbers such as 1.0.0",
    ASKED_VERSION: "a version of three numbers such as 1.2.0, or auto",
    LABEL: "a label of letters, digits, blanks, _ and -",
    DATE: "a date such as 2026-11-21",
    SHA256: "a sha256 of 64 hex digits",
    MASK_FILE: "the name of a file next to this one, such as NAME.rle.json",
    SAMPLE: "an image such as hyperkvasir/NAME, its source and its name there",
    REPOSITORY: "a repository such as OWNER/NAME",
}


def _is_a_day(text: str) -> str:
    """Raise ValueError where the calendar has no such day."""
    date.fromisoformat(text)
    return text


Day = Annotated[str, Field(pattern=DATE), AfterValidator(_is_a_day)]

_WORDS = {
    "missing": "the key is missing",
    "greater_than": "must be above {gt}",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "less_than": "must be below {lt}",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} letters",
    "string_type": "must be a text in quotes",
}


def problems(error: ValidationError, model: type[BaseModel]) -> str:
    """Return every problem of a validation as one sentence with the key it concerns."""
    return "; ".join(
        ": ".join(
            [".".join(str(part) for part in found["loc"] if part != "[key]"), problem(found, model)]
        ).removeprefix(": ")
        for found in error.errors()
    )


def problem(found: ErrorDetails, model: type[BaseModel]) -> str:
    """Return what is wrong with one value, in words."""
    kind = found["type"]
    if kind == "string_pattern_mismatch":
        return f"{found['input']!r} is not {PATTERNS[found['ctx']['pattern']]}"
    if kind == "extra_forbidden":
        return f"unknown key{_meant(found['loc'], model)}"
    if kind in _WORDS:
        return _WORDS[kind].format(**found.get("ctx", {}))
    return found["msg"].removeprefix("Value error, ")


def _meant(place: tuple[int | str, ...], model: type[BaseModel]) -> str:
    """Return the known key most like the unknown one, else all that are known there."""
    for part in place[:-1]:
        if isinstance(part, int):
            continue
        section = _section(model, part)
        if section is None:
            return ""
        model = section
    known = sorted(model.model_fields)
    near = get_close_matches(str(place[-1]), known, n=1)
    if near:
        return f"; perhaps '{near[0]}' is meant"
    return f"; known are {', '.join(known)}" if known else ""


def _section(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    """Return the model of a key, or of each entry of a list."""
    kind = model.model_fields[name].annotation if name in model.model_fields else None
    for found in (kind, *get_args(kind)):
        if isinstance(found, type) and issubclass(found, BaseModel):
            return found
    return None
