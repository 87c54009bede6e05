"""What dialects encode: instructions with their pictures, and pictures with their objects, in released pixels."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from medmultipoints.transforms.dialects.answers import Mark, Unsupported
from medmultipoints.transforms.dialects.frames import Size
from medmultipoints.transforms.dialects.prompts import Prompt
from medmultipoints.transforms.instructions.published import PUBLISHED
from medmultipoints.transforms.pictures.crops import read_crop
from medmultipoints.transforms.records import ReleasedObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One instruction with all that a dialect may need apart from its text.

    ``image`` is the path of the picture in the export; ``images`` are all of them, in the order of their
    placeholders, where there are several; all coordinates are in the frame of ``size``, which all have but crops;
    ``points`` are those of the record, as answers round them.
    """

    instruction_id: str
    record_id: str
    task: str
    prompt: Prompt
    answer: str
    image: str
    size: Size
    label: str
    points: tuple[tuple[float, ...], ...] = ()
    images: tuple[str, ...] = ()

    @property
    def pictures(self) -> tuple[str, ...]:
        """The paths of all pictures, in the order of their placeholders."""
        return self.images or (self.image,)

    @property
    def sizes(self) -> tuple[Size, ...]:
        """The size of each of them: of a crop its own."""
        crops = map(read_crop, self.pictures)
        return tuple(Size(crop.width, crop.height) if crop else self.size for crop in crops)


def refuse_other_tasks(item: Item, model: str) -> None:
    """Raise Unsupported for any task but the published ones.

    For models whose form knows an object by its name alone: "detect polyp" wants all of them, not the leftmost.
    """
    if item.task not in PUBLISHED:
        raise Unsupported(f"task {item.task}: {model} has no form for it")


def box_mark(found: ReleasedObject) -> Mark:
    """Return the object's box with its label."""
    return Mark(found.label, tuple(found.box))


def point_mark(found: ReleasedObject) -> Mark:
    """Return the object's point with its label."""
    return Mark(found.label, tuple(found.point))


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One released picture with its objects, in the order of label and index."""

    sample_id: str
    image_sha256: str
    extension: str
    source: str
    stem: str
    size: Size
    original: Size
    organ: str
    classification: str
    licence: str
    certain: tuple[str, ...]
    video_id: str | None = None
    frame_index: int | None = None
    fps: float | None = None
    modality: str | None = None
    objects: tuple[ReleasedObject, ...] = ()

    @property
    def file(self) -> str:
        """The name of the picture's file, without a folder."""
        return f"{self.image_sha256}.{self.extension}"


@dataclass(frozen=True, slots=True)
class Contents:
    """What is the same for all splits: name and version of the release, its labels and licences, sorted."""

    name: str
    version: str
    labels: tuple[str, ...]
    licences: tuple[str, ...]
    splits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Placement:
    """Where each picture of a split goes, by sample_id; pictures left out are counted by reason."""

    paths: Mapping[str, str]
    left_out: Mapping[str, int] = field(default_factory=dict)
