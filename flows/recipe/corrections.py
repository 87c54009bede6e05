"""What reviewers decided, as files of the recipe: ``corrections/*.toml``, one table an entry, reviewed in git."""

import hashlib
import tomllib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from medmultipoints.flows.recipe.problems import SAMPLE, SHA256, Day, problem
from medmultipoints.transforms.audit.corrections import Action, Correction, Withdrawal
from medmultipoints.transforms.errors import UsageError


def _has_area(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = box
    if not (0 <= x1 < x2 and 0 <= y1 < y2):
        raise ValueError(f"the box {[*box]} is not x1, y1, x2, y2 with 0 <= x1 < x2 and 0 <= y1 < y2")
    return box


Sides = Annotated[tuple[float, float, float, float], AfterValidator(_has_area)]
Text = Annotated[str, Field(min_length=1)]
NEEDS: dict[Action, tuple[str, ...]] = {
    "exclude": (),
    "accept": (),
    "replace_boxes": ("label", "boxes"),
    "set_label": ("label",),
}
ALLOWS: dict[Action, tuple[str, ...]] = {
    "exclude": ("object", "box"),
    "accept": ("kind",),
    "replace_boxes": ("object", "box", "label", "boxes"),
    "set_label": ("object", "box", "label"),
}


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    image_sha256: str = Field(pattern=SHA256, description="sha256 of the source's file: the bytes that were looked at")
    reason: Text = Field(description="why, in a sentence; it is published with the release")
    reviewer: Text = Field(description="who decided")
    date: Day = Field(description="when, as 2026-11-21")
    where: str = Field(default="the recipe", description="file and entry, filled in when the files are read")


EntryT = TypeVar("EntryT", bound=_Entry)


class CorrectionEntry(_Entry):
    """One decision about an image or one of its objects."""

    image: str = Field(pattern=SAMPLE, description="the image: source/stem, the sample_id of the tables")
    action: Literal["exclude", "accept", "replace_boxes", "set_label"] = Field(description="what is done")
    object: str | None = Field(default=None, description="object_id, where it is about one object; with `box`")
    box: Sides | None = Field(default=None, description="box of that object, in pixels of the original image")
    kind: str | None = Field(default=None, description="accept: findings of this kind; none: all of the image")
    label: str | None = Field(default=None, description="set_label: the right one; replace_boxes: of the boxes")
    boxes: tuple[Sides, ...] = Field(default=(), description="replace_boxes: x1, y1, x2, y2, original pixels")

    @model_validator(mode="after")
    def _is_complete(self) -> "CorrectionEntry":
        given = {name for name in ("object", "box", "kind", "label", "boxes") if getattr(self, name)}
        missing = [name for name in NEEDS[self.action] if name not in given]
        if missing:
            raise ValueError(f"{self.action} needs {' and '.join(missing)}")
        if surplus := sorted(given - set(ALLOWS[self.action])):
            raise ValueError(f"{self.action} takes no {surplus[0]}")
        if ("object" in given) != ("box" in given):
            raise ValueError("object and box go together: the id names the object, the box pins it")
        return self


class WithdrawnEntry(_Entry):
    """An image that no release may hold any more."""

    pixel_sha256: str | None = Field(
        default=None, pattern=SHA256, description="of the same name in the table of images: finds copies of other bytes"
    )


class Corrections(BaseModel):
    """What reviewers decided. Files hold `[[corrections]]` and `[[withdrawn]]` tables: docs/corrections.md."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    files: tuple[str, ...] = Field(
        default=(), description="TOML files or patterns such as `corrections/*.toml`, relative to the recipe"
    )
    entries: tuple[CorrectionEntry, ...] = Field(default=(), description="read from the files")
    withdrawn: tuple[WithdrawnEntry, ...] = Field(default=(), description="read from the files")

    @property
    def decisions(self) -> tuple[Correction, ...]:
        return tuple(Correction(**entry.model_dump()) for entry in self.entries)

    @property
    def withdrawals(self) -> tuple[Withdrawal, ...]:
        return tuple(Withdrawal(**entry.model_dump()) for entry in self.withdrawn)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    corrections: tuple[CorrectionEntry, ...] = ()
    withdrawn: tuple[WithdrawnEntry, ...] = ()


def read_corrections(stated: Corrections, folder: Path) -> Corrections:
    """The corrections with the entries of their files, each knowing where it stands; files are named by their hash.

    ``folder`` is that of the recipe. A pattern may match nothing in a folder that is there, a plain name may not.
    UsageError names file, entry and key of what is wrong.
    """
    entries = _placed(stated.entries, "the recipe, corrections.entries")
    withdrawn, names = _placed(stated.withdrawn, "the recipe, corrections.withdrawn"), []
    for path in _find(stated.files, folder):
        data = path.read_bytes()
        found = _parse(path.name, data)
        names.append(f"{path.name}@{hashlib.sha256(data).hexdigest()}")
        entries += _placed(found.corrections, f"{path.name}, [[corrections]]")
        withdrawn += _placed(found.withdrawn, f"{path.name}, [[withdrawn]]")
    return Corrections(files=tuple(names), entries=tuple(entries), withdrawn=tuple(withdrawn))


def check_entries(stated: Corrections, sources: Collection[str], labels: Collection[str]) -> None:
    """UsageError for an entry about a source that does not exist, or with a label that the recipe does not have."""
    for entry in stated.entries:
        if entry.image.partition("/")[0] not in sources:
            raise UsageError(f"{entry.where}: image {entry.image}: no such source; there are {', '.join(sources)}.")
        if entry.label is not None and entry.label not in labels:
            raise UsageError(f"{entry.where}: label '{entry.label}': the recipe has {', '.join(labels)}.")


def of_sources(stated: Corrections, sources: tuple[str, ...]) -> Corrections:
    """The corrections about images of these sources; every withdrawal."""
    own = tuple(entry for entry in stated.entries if entry.image.split("/")[0] in sources)
    return stated.model_copy(update={"entries": own})


def _find(names: tuple[str, ...], folder: Path) -> Iterator[Path]:
    for name in names:
        pattern = any(sign in name for sign in "*?[")
        found = sorted(folder.glob(name)) if pattern else [folder / Path(name).expanduser()]
        if pattern and not found and not (place := folder.joinpath(name).parent).is_dir():
            raise UsageError(f"corrections.files: {name}: there is no folder {place}. Correct the recipe.")
        for path in found:
            if not path.is_file():
                raise UsageError(f"corrections.files: {name}: there is no such file in {folder}. Correct the recipe.")
            yield path


def _parse(name: str, data: bytes) -> _File:
    try:
        return _File.model_validate(tomllib.loads(data.decode("utf-8-sig")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"corrections {name}: not valid TOML: {error}. Correct the file.") from error
    except ValidationError as error:
        raise UsageError(f"corrections {name}: {_first_problem(error)}. Correct the file.") from error


def _first_problem(error: ValidationError) -> str:
    found = error.errors()[0]
    table, *rest = found["loc"]
    number, keys = (int(rest[0]) + 1, rest[1:]) if rest else ("", [])
    told = f"[[{table}]] {number}".strip(), ".".join(map(str, keys)), problem(found, _File)
    return ": ".join(part for part in told if part)


def _placed(entries: tuple[EntryT, ...], where: str) -> list[EntryT]:
    return [entry.model_copy(update={"where": f"{where} {number}"}) for number, entry in enumerate(entries, 1)]
