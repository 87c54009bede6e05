"""The inputs of dialects: instructions with their pictures, and pictures with their objects, in released pixels."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from medmultipoints.transforms.dialects.conversations.answers import Mark, Unsupported
from medmultipoints.transforms.dialects.conversations.prompts import Prompt
from medmultipoints.transforms.dialects.frames import Size
from medmultipoints.transforms.instructions.answers.published import PUBLISHED
from medmultipoints.transforms.pictures.crops import read_crop
from medmultipoints.transforms.records import ReleasedObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One instruction with everything that a dialect may need.

    ``image`` is the path of the picture in the export; ``images`` are the paths of several pictures, in the order of
    their placeholders; all coordinates are in the frame of ``size``, the size of every picture except crops;
    ``points`` are the points of the record, rounded as in answers.
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
        """The size of each picture; a crop has its own."""
        crops = map(read_crop, self.pictures)
        return tuple(Size(crop.width, crop.height) if crop else self.size for crop in crops)


def refuse_other_tasks(item: Item, model: str) -> None:
    """Raise Unsupported for all tasks except the published ones.

    For models that identify objects by name alone: "detect polyp" asks for all polyps, not for the leftmost.
    """
    if item.task not in PUBLISHED:
        raise Unsupported(f"task {item.task}: {model} has no form for it")


def box_mark(found: ReleasedObject) -> Mark:
    """Return the object's box with its label."""
    return Mark(found.label, tuple(found.box))


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A released picture with its objects, in the order of label and index."""

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
        """The file name of the picture, without a folder."""
        return f"{self.image_sha256}.{self.extension}"


@dataclass(frozen=True, slots=True)
class Contents:
    """Facts shared by all splits: name and version of the release, its labels and licences, sorted."""

    name: str
    version: str
    labels: tuple[str, ...]
    licences: tuple[str, ...]
    splits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Placement:
    """The path of each picture of a split by sample_id; omitted pictures are counted by reason."""

    paths: Mapping[str, str]
    left_out: Mapping[str, int] = field(default_factory=dict)
