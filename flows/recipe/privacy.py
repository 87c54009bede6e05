"""Define the parts of a recipe for text in pictures: readers, and handling of personal information."""

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from importlib.util import find_spec
from typing import Final, Literal

from pydantic import Field, field_validator

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.problems import TomlTable

Reader = Literal["raster", "ocr"]
Action = Literal["report", "quarantine", "redact", "refuse"]
PACKAGES: Final[Mapping[str, tuple[str, ...]]] = {"raster": (), "ocr": ("rapidocr", "onnxruntime")}
"""The packages that a reader needs beyond those of every installation."""
FOUND_BY: Final[Mapping[str, frozenset[Reader]]] = {
    "date": frozenset({"raster", "ocr"}),
    "clock": frozenset({"raster", "ocr"}),
    **dict.fromkeys(("name", "number", "other"), frozenset[Reader]({"ocr"})),
}
"""The readers that find a kind in pixels; metadata have all kinds but clocks, and are always read."""


class Text(TomlTable):
    """Who reads the text that is burned into pictures; of a video one frame, or all where privacy needs it."""

    readers: tuple[Reader, ...] = Field(
        default=(),
        description="raster: glyph templates of known processors, 0.04 s a picture; ocr: a neural reader of the whole "
        "picture, 0.5 s a picture, installed with the extra `ocr`",
    )

    @field_validator("readers")
    @classmethod
    def _each_once(cls, readers: tuple[Reader, ...]) -> tuple[Reader, ...]:
        if len(set(readers)) < len(readers):
            raise ValueError("a reader is named twice")
        return readers


class Privacy(TomlTable):
    """What is done about pictures that show or carry something personal: reported, held back, redacted, or refused."""

    date: Action = Field(default="report", description="a date in the pixels or the metadata")
    clock: Action = Field(default="report", description="a clock or a timer in the pixels")
    name: Action = Field(default="report", description="a filled field of a person, or a name in the metadata")
    number: Action = Field(default="report", description="a long number in the pixels, or a serial number")
    other: Action = Field(default="report", description="other text, comments, bytes after the end of the file")
    gps: Action = Field(default="report", description="a place in the metadata")

    def action(self, kind: str) -> str:
        """Return the action for a kind."""
        return str(getattr(self, kind))


def blind_kinds(text: Text, privacy: Privacy) -> list[str]:
    """Return the kinds with an action that no reader of the recipe finds in pixels."""
    return [
        kind for kind, by in FOUND_BY.items() if privacy.action(kind) != "report" and not by.intersection(text.readers)
    ]


def unread_kinds(text: Text, privacy: Privacy) -> Iterator[str]:
    """Yield a sentence for each action that has no effect, or one in metadata alone without saying so."""
    for kind in blind_kinds(text, privacy):
        readers = " or ".join(f'"{name}"' for name in sorted(FOUND_BY[kind], reverse=True))
        if kind == "clock":
            yield f"privacy.{kind} has no effect without text.readers = [{readers}]"
        elif "readers" not in text.model_fields_set:
            yield f"privacy.{kind} needs text.readers = [{readers}], or [] to search the metadata of files alone"


def check_readers(text: Text, where: str) -> None:
    """Raise UsageError if a reader in the recipe is not installed: there is no silent fallback."""
    for reader in text.readers:
        missing = [package for package in PACKAGES[reader] if find_spec(package) is None]
        if missing:
            raise UsageError(
                f"recipe {where}: text.readers: '{reader}' needs {', '.join(missing)}. "
                f"Install medmultipoints[{reader}], or remove '{reader}' from the readers."
            )


def reader_versions(text: Text) -> dict[str, str]:
    """Return the versions of the packages of a recipe's readers, which affect the text that is read."""
    return {package: version(package) for reader in text.readers for package in PACKAGES[reader]}
