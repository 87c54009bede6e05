"""Read reviewers' decisions, as files of the recipe: ``corrections/*.toml``, one table per entry, reviewed in git."""

import hashlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from medmultipoints.transforms.audit.decisions import Action, Correction, Withdrawal
from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.problems import MASK_FILE, SAMPLE, SHA256, Day, TomlTable, problem
from medmultipoints.transforms.reporting.counted import first_few
from medmultipoints.transforms.review.mask_files import parse_masks
from medmultipoints.transforms.toml_text import parse_toml


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
    "replace_masks": ("label", "masks"),
    "add_boxes": ("label", "boxes"),
    "add_masks": ("label", "masks"),
    "set_label": ("label",),
}
ALLOWS: dict[Action, tuple[str, ...]] = {
    "exclude": ("object", "box"),
    "accept": ("kind", "box", "label"),
    "replace_boxes": ("object", "box", "label", "boxes"),
    "replace_masks": ("object", "box", "label", "masks"),
    "add_boxes": ("label", "boxes"),
    "add_masks": ("label", "masks"),
    "set_label": ("object", "box", "label"),
}


class _Entry(TomlTable):
    image_sha256: str = Field(pattern=SHA256, description="sha256 of the source's file: the bytes that were looked at")
    reason: Text = Field(description="why, in a sentence; it is published with the release")
    reviewer: Text = Field(description="who decided")
    date: Day = Field(description="when, as 2026-11-21")
    where: str = Field(default="the recipe", description="file and entry, filled in when the files are read")


EntryT = TypeVar("EntryT", bound=_Entry)


class CorrectionEntry(_Entry):
    """One decision about an image or one of its objects."""

    image: str = Field(pattern=SAMPLE, description="the image: source/stem, the sample_id of the tables")
    action: Action = Field(description="what is done")
    object: str | None = Field(default=None, description="object_id of the one object that is meant; with `box`")
    box: Sides | None = Field(
        default=None, description="box of that object or finding, in pixels of the original image"
    )
    kind: str | None = Field(default=None, description="accept: findings of this kind; none: all of the image")
    label: str | None = Field(
        default=None, description="set_label: the right one; accept: findings of this label; else of the boxes or masks"
    )
    boxes: tuple[Sides, ...] = Field(default=(), description="to replace or add: x1, y1, x2, y2, original pixels")
    masks: str | None = Field(default=None, pattern=MASK_FILE, description="to replace or add: a file in this folder")
    rles: tuple[str, ...] = Field(default=(), description="the masks, filled in when the files are read")
    mask_size: tuple[int, int] | None = Field(default=None, description="their width and height, filled in too")
    settles: bool = Field(default=False, description="decides between reviewers who disagreed")

    @model_validator(mode="after")
    def _is_complete(self) -> "CorrectionEntry":
        given = {name for name in ("object", "box", "kind", "label", "boxes", "masks") if getattr(self, name)}
        missing = [name for name in NEEDS[self.action] if name not in given]
        if missing:
            raise ValueError(f"{self.action} needs {' and '.join(missing)}")
        if surplus := sorted(given - set(ALLOWS[self.action])):
            raise ValueError(f"{self.action} takes no {surplus[0]}")
        if self.action != "accept" and ("object" in given) != ("box" in given):
            raise ValueError("object and box go together: the id names the object, the box pins it")
        return self


class WithdrawnEntry(_Entry):
    """An image that no release may contain any more."""

    luma_blake3: str | None = Field(
        default=None, pattern=SHA256, description="luma_blake3 in the table of images: finds copies of other bytes"
    )
    pixel_sha256: str | None = Field(
        default=None, pattern=SHA256, description="the same, as releases before `luma_blake3` have it"
    )


class CheckedSample(TomlTable):
    """Records of a release that were drawn at random and checked by one reviewer."""

    release: Text = Field(description="name and version of the release")
    manifest_root: str = Field(pattern=SHA256, description="root of that release")
    of: int = Field(ge=1, description="records of the release")
    seed: int = Field(description="seed of the draw")
    reviewer: Text = Field(description="who looked")
    date: Day = Field(description="when last")
    right: tuple[str, ...] = Field(default=(), description="record_id of those that are right")
    wrong: tuple[str, ...] = Field(default=(), description="record_id of those that are not")


class Corrections(TomlTable):
    """What reviewers decided. Files hold `[[corrections]]` and `[[withdrawn]]` tables: docs/corrections.md."""

    files: tuple[str, ...] = Field(
        default=(), description="TOML files or patterns such as `corrections/*.toml`, relative to the recipe"
    )
    entries: tuple[CorrectionEntry, ...] = Field(default=(), description="read from the files")
    withdrawn: tuple[WithdrawnEntry, ...] = Field(default=(), description="read from the files")
    opinions: tuple[CorrectionEntry, ...] = Field(
        default=(), description="read from the files: what further reviewers decided; kept, not applied"
    )
    samples: tuple[CheckedSample, ...] = Field(default=(), description="read from the files: records drawn and checked")

    @property
    def decisions(self) -> tuple[Correction, ...]:
        return tuple(Correction(**entry.model_dump(exclude={"masks", "settles"})) for entry in self.entries)

    def dumped(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return entries and opinions as plain tables."""
        entries, opinions = ([one.model_dump() for one in own] for own in (self.entries, self.opinions))
        return entries, opinions

    @property
    def withdrawals(self) -> tuple[Withdrawal, ...]:
        return tuple(Withdrawal(**entry.model_dump()) for entry in self.withdrawn)


class _File(TomlTable):
    corrections: tuple[CorrectionEntry, ...] = ()
    withdrawn: tuple[WithdrawnEntry, ...] = ()
    opinions: tuple[CorrectionEntry, ...] = ()
    samples: tuple[CheckedSample, ...] = ()


def read_corrections(stated: Corrections, folder: Path) -> Corrections:
    """Return the corrections with the entries of their files, each with its origin; files are named by their hash.

    ``folder`` is that of the recipe. A pattern may match no file in an existing folder, a plain name must exist.
    UsageError names file, entry and key of the fault.
    """
    entries = _placed(stated.entries, "the recipe, corrections.entries")
    opinions, samples = _placed(stated.opinions, "the recipe, corrections.opinions"), list(stated.samples)
    withdrawn, names = _placed(stated.withdrawn, "the recipe, corrections.withdrawn"), []
    for path in _find(stated.files, folder):
        data = path.read_bytes()
        found = parse_file(path.name, data, path.parent)
        names.append(f"{path.name}@{hashlib.sha256(data).hexdigest()}")
        entries += _placed(found.corrections, f"{path.name}, [[corrections]]")
        withdrawn += _placed(found.withdrawn, f"{path.name}, [[withdrawn]]")
        opinions += _placed(found.opinions, f"{path.name}, [[opinions]]")
        samples += found.samples
    return Corrections(
        files=tuple(names),
        entries=tuple(entries),
        withdrawn=tuple(withdrawn),
        opinions=tuple(opinions),
        samples=tuple(samples),
    )


def check_entries(stated: Corrections, sources: Collection[str], labels: Collection[str] | None) -> None:
    """Raise UsageError for an entry about an unknown source, or with a label that is not in ``labels`` (None: any)."""
    for entry in (*stated.entries, *stated.opinions):
        if entry.image.partition("/")[0] not in sources:
            raise UsageError(f"{entry.where}: image {entry.image}: no such source; there are {', '.join(sources)}.")
        if labels is not None and entry.label is not None and entry.label not in labels:
            raise UsageError(f"{entry.where}: label '{entry.label}': the recipe has {', '.join(labels)}.")


def of_sources(stated: Corrections, sources: tuple[str, ...]) -> Corrections:
    """Return the corrections about images of these sources, and every withdrawal."""
    own = {
        name: tuple(entry for entry in entries if entry.image.split("/")[0] in sources)
        for name, entries in (("entries", stated.entries), ("opinions", stated.opinions))
    }
    return stated.model_copy(update=own)


def _find(names: tuple[str, ...], folder: Path) -> Iterator[Path]:
    for name in names:
        pattern = any(sign in name for sign in "*?[")
        try:
            found = sorted(folder.glob(name)) if pattern else [folder / Path(name).expanduser()]
            found = [path for path in found if path.is_file() or not pattern]
        except (
            NotImplementedError,
            RuntimeError,
            ValueError,
            OSError,
        ) as error:  # absolute, ~nosuchuser, ***, too long
            problem = getattr(error, "strerror", None) or error
            raise UsageError(
                f"corrections.files: {name[:80]!r}: {problem}. Give a path or pattern below the recipe's folder."
            ) from error
        if pattern and not found and not (place := folder.joinpath(name).parent).is_dir():
            raise UsageError(f"corrections.files: {name}: {place} is not a folder. Make it, or correct the recipe.")
        for path in found:
            if not path.is_file():
                raise UsageError(f"corrections.files: {name}: there is no such file in {folder}. Correct the recipe.")
            yield path


def parse_file(name: str, data: bytes, folder: Path) -> "_File":
    """Return the entries of a corrections file, with masks read from ``folder``; UsageError names the fault."""
    found = _parse(name, data)
    return found.model_copy(
        update={
            "corrections": tuple(_with_masks(name, entry, folder) for entry in found.corrections),
            "opinions": tuple(_with_masks(name, entry, folder) for entry in found.opinions),
        }
    )


def _with_masks(name: str, entry: CorrectionEntry, folder: Path) -> CorrectionEntry:
    if entry.masks is None:
        return entry
    try:
        masks = parse_masks((folder / entry.masks).read_bytes())
    except FileNotFoundError as error:
        raise UsageError(f"corrections {name}: {entry.masks}: no such file next to it. Put it there.") from error
    except ValueError as error:
        raise UsageError(f"corrections {name}: {entry.masks}: {error}. Correct the file.") from error
    return entry.model_copy(update={"rles": masks.rles, "mask_size": (masks.width, masks.height)})


def _parse(name: str, data: bytes) -> _File:
    try:
        return _File.model_validate(parse_toml(data, f"corrections {name}"))
    except ValidationError as error:
        raise UsageError(f"corrections {name}: {_problems(error)}. Correct the file.") from error


def _problems(error: ValidationError) -> str:
    return first_few([_problem(one) for one in error.errors()], separator="; ")


def _problem(found: ErrorDetails) -> str:
    table, *rest = found["loc"]
    number, keys = (int(rest[0]) + 1, rest[1:]) if rest else ("", [])
    parts = f"[[{table}]] {number}".strip(), ".".join(map(str, keys)), problem(found, _File)
    return ": ".join(part for part in parts if part)


def _placed(entries: tuple[EntryT, ...], where: str) -> list[EntryT]:
    return [entry.model_copy(update={"where": f"{where} {number}"}) for number, entry in enumerate(entries, 1)]
