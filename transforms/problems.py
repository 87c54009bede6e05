"""Patterns for hand-written values, and readable messages for validation errors."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Annotated, Any, get_args
from unicodedata import is_normalized

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from medmultipoints.transforms.licences.combine import LICENCE, nearest_licence

NAME, VERSION = r"^[a-z][a-z0-9_]*$", r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$"
ASKED_VERSION = rf"^auto$|{VERSION}"
LABEL, DATE = r"^[\p{L}\p{N}][\p{L}\p{M}\p{N} _-]*$", r"^\d{4}-\d{2}-\d{2}$"
SHA256, SAMPLE = r"^[0-9a-f]{64}$", r"^[a-z][a-z0-9_]*/\S+$"
REPOSITORY, MASK_FILE = r"^[^/\s]+/[^/\s]+$", r"^[A-Za-z0-9][A-Za-z0-9._-]*\.rle\.json$"
FILE_NAME = r"^[A-Za-z0-9_][A-Za-z0-9._ -]*$"
SHA384 = r"^[0-9a-f]{96}$"
URL, ADDRESS = r"^https?://\S+$", r"^(hf://datasets/|s3://)\S+$"
PATTERNS = {
    NAME: "a name of lower-case letters, digits and _ that begins with a letter",
    VERSION: "a version of three numbers such as 1.0.0",
    ASKED_VERSION: "a version of three numbers such as 1.2.0, or auto",
    LABEL: "a label of letters, digits, blanks, _ and -",
    DATE: "a date such as 2026-11-21",
    SHA256: "a sha256 of 64 hex digits",
    SHA384: "a sha384 of 96 hex digits",
    LICENCE: "an SPDX identifier such as CC-BY-4.0, or LicenseRef- and a name",
    MASK_FILE: "the name of a file next to this one, such as NAME.rle.json",
    SAMPLE: "an image such as hyperkvasir/NAME, its source and its name there",
    FILE_NAME: "the name of a file alone, without a folder",
    URL: "a URL such as https://HOST/FILE",
    ADDRESS: "an address such as hf://datasets/OWNER/NAME@COMMIT or s3://BUCKET/FOLDER",
    REPOSITORY: "a repository of the form OWNER/NAME, such as acme/medmultipoints",
}


class TomlTable(BaseModel):
    """Base of the tables of TOML files: frozen; unknown keys and values of another type are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _with_tuples(cls, table: Any) -> Any:
        return _tuples(table)


def _tuples(value: Any) -> Any:
    """Return a value of TOML with tuples in place of its lists."""
    if isinstance(value, Mapping):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value


@dataclass(frozen=True, slots=True)
class CheckedBy:
    """Metadata of a field: the model that checks its value, which stays a plain table."""

    model: type[BaseModel]


def _is_a_day(text: str) -> str:
    """Raise ValueError if the date does not exist in the calendar."""
    date.fromisoformat(text)
    return text


def _is_composed(text: str) -> str:
    """Raise ValueError for another Unicode form than NFC: two spellings would look the same."""
    if not is_normalized("NFC", text):
        raise ValueError(f"{text!r} is in the Unicode form NFD; type it again, or convert the file to NFC")
    return text


Day = Annotated[str, Field(pattern=DATE), AfterValidator(_is_a_day)]
ReleasedLabel = Annotated[str, Field(pattern=LABEL), AfterValidator(_is_composed)]
Sha256 = Annotated[str, Field(pattern=SHA256)]

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
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "too_short": "must hold at least {min_length}",
    "mapping_type": "must be a table",
    "dict_type": "must be a table",
    "model_type": "must be a table",
}


def problems(error: ValidationError, model: type[BaseModel]) -> str:
    """Return all problems of a validation as one sentence, each with its key.

    If a value has alternatives, the empty text is not listed as one of them.
    """
    said: dict[str, list[str]] = {}
    for found in error.errors():
        place, words = _place(found), problem(found, model).rstrip(".")
        if found["loc"] and found["loc"][-1] == "literal['']" and place in said:
            continue
        said.setdefault(place, []).extend([] if words in said.get(place, ()) else [words])
    return "; ".join(": ".join(filter(None, [place, ", or ".join(words)])) for place, words in said.items())


def first_problem(error: ValidationError, model: type[BaseModel]) -> str:
    """Return the first problem of a validation and the number of further ones: for machine-written files."""
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return _placed(error.errors()[0], model) + more


def _placed(found: ErrorDetails, model: type[BaseModel]) -> str:
    place = _place(found)
    return f"{place}: {problem(found, model)}" if place else problem(found, model)


def _place(found: ErrorDetails) -> str:
    """Return the dotted key of a problem, without the parts that name a type of the value."""
    kinds = ("[key]", "constrained-str", "str", "IgnoreLabel")
    return ".".join(str(part) for part in found["loc"] if part not in kinds and not str(part).startswith("literal["))


def problem(found: ErrorDetails, model: type[BaseModel]) -> str:
    """Return a sentence that says what is wrong with one value."""
    kind = found["type"]
    if kind == "string_pattern_mismatch" and found["ctx"]["pattern"] in PATTERNS:
        pattern = found["ctx"]["pattern"]
        near = nearest_licence(str(found["input"])) if pattern == LICENCE else None
        return f"{found['input']!r} is not {PATTERNS[pattern]}" + (f"; perhaps '{near}' is meant" if near else "")
    if kind == "extra_forbidden":
        return f"unknown key{_meant(found['loc'], model)}"
    if kind in _WORDS:
        return _WORDS[kind].format(**found.get("ctx", {}))
    return (
        found["msg"].removeprefix("Value error, ").replace("String should match", f"{found['input']!r} does not match")
    )


def _meant(place: tuple[int | str, ...], model: type[BaseModel]) -> str:
    """Return a hint at the key that was probably meant at this place."""
    for part in place[:-1]:
        if isinstance(part, int):
            continue
        section = _section(model, part)
        if section is None:
            return ""
        model = section
    return f"; {meant(str(place[-1]), sorted(model.model_fields))}" if model.model_fields else ""


def meant(name: str, known: Collection[str]) -> str:
    """Return the known name most like an unknown one, or all known names, as a hint for a message."""
    near = get_close_matches(name, known, n=1)
    return f"perhaps '{near[0]}' is meant" if near else f"known are {', '.join(known)}"


def _section(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    """Return the model of a key's value, or of the entries of its list or table."""
    field = model.model_fields.get(name) or model.model_fields.get("root")
    kind = field.annotation if field else None
    by = [one.model for one in (field.metadata if field else ()) if isinstance(one, CheckedBy)]
    for found in (kind, *get_args(kind), *by):
        if isinstance(found, type) and issubclass(found, BaseModel):
            return found
    return None


def without_empty_names(labels: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the labels by name. Raise ValueError for one that is renamed to nothing."""
    if empty := [label for label, name in labels.items() if isinstance(name, str) and not name.strip()]:
        raise ValueError(f'the name of "{empty[0]}" is empty; {{ ignore = "why" }} leaves it out')
    return labels
