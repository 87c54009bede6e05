"""What texts of a recipe must look like, as patterns and in words."""

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, Field

NAME, VERSION = r"^[a-z][a-z0-9_]*$", r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$"
LABEL, DATE = r"^[A-Za-z0-9][A-Za-z0-9 _-]*$", r"^\d{4}-\d{2}-\d{2}$"
SHA256, SAMPLE = r"^[0-9a-f]{64}$", r"^[a-z][a-z0-9_]*/\S+$"
STAGES = (
    "index", "derive", "correct", "dedup", "near", "measure", "audit", "split", "record", "instruct",
    "translate", "release", "manifest",
)  # fmt: skip
STAGE = f"^({'|'.join(STAGES)})$"
PATTERNS = {
    STAGE: f"a stage; there are {', '.join(STAGES)}",
    NAME: "a name of lower-case letters, digits and _ that begins with a letter",
    VERSION: "a version of three numbers such as 1.0.0",
    LABEL: "a label of letters, digits, blanks, _ and -",
    DATE: "a date such as 2026-11-21",
    SHA256: "a sha256 of 64 hex digits",
    SAMPLE: "an image such as hyperkvasir/NAME, its source and its name there",
}


def _is_a_day(text: str) -> str:
    """ValueError where the calendar has no such day."""
    date.fromisoformat(text)
    return text


Day = Annotated[str, Field(pattern=DATE), AfterValidator(_is_a_day)]
