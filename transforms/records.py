"""The record types of the pipeline and the coordinate frame they share.

Boxes are pixel edges, origin top-left, half-open: ``[x1, x2) x [y1, y2)``. The box of a full H x W mask
is ``(0, 0, W, H)``, of the single pixel at column x and row y ``(x, y, x + 1, y + 1)``.
Points live in the same frame: the centre of that pixel is ``(x + 0.5, y + 0.5)``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Final, Literal, NamedTuple, Protocol

Verdict = Literal["dropped", "rejected"]
Evidence = Literal["mask", "source", "track", "correction", "polygon", "box", "point"]
MaskKind = Literal["binary", "instances", "classes", "rgb"]
MaskObject = Literal["file", "component", "value"]


class Point(NamedTuple):
    """A position in pixels of one image."""

    x: float
    y: float


class Box(NamedTuple):
    """A half-open bounding box in pixels of one image, unless the field that holds it says otherwise."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def width(self) -> float:
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        return self.y2 - self.y1

    @property
    def area(self) -> float:
        return self.width * self.height

    @property
    def centre(self) -> Point:
        return Point((self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2)


SIDES: Final = Box._fields
"""The sides of a box, as columns and in lists: x1, y1, x2, y2."""


@dataclass(frozen=True, slots=True)
class SourceBox:
    """A box as written in a source's annotation file: its numbers and its convention, unchanged."""

    label: str
    box: Box


@dataclass(frozen=True, slots=True)
class Tone:
    """Brightness and roughness of an object and the ring around it, in gray levels (``transforms.pictures.tones``)."""

    luma: float
    roughness: float
    ring_luma: float
    ring_roughness: float


TONE_COLUMNS: Final = tuple(column.name for column in fields(Tone))


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """Metadata of a video container: number of frames, frames per second, frame size in pixels."""

    frames: int
    fps: float
    width: int
    height: int


Polygon = tuple[Point, ...]
UNKNOWN: Final = "unknown"
"""Organ, finding or class of an image for which the source gives none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """One annotated object as its file gives it, with every known form of its position.

    ``key`` names it in the accounting: ``<member>#<entry>``, unique in the source. ``label`` is the source's own label.
    ``polygons`` are the outlines of one object; ``rle`` is COCO's compressed RLE in the frame of the picture.
    ``track_id`` identifies the object across the frames of a video. ``crowd``: a region of many objects, never counted;
    ``ignore``: a region without any statement. At least one of box, polygons, rle and point is given. ``reading`` is
    the number of the reading in a declaration with several: 0, then those of ``also``.
    """

    key: str
    label: str
    box: Box | None = None
    polygons: tuple[Polygon, ...] = ()
    rle: str | None = None
    point: Point | None = None
    track_id: str | None = None
    crowd: bool = False
    ignore: bool = False
    attributes: Mapping[str, str] = field(default_factory=dict)
    reading: int = 0

    @property
    def evidence(self) -> Evidence:
        """The strongest evidence of the object."""
        if self.rle is not None:
            return "mask"
        if self.polygons:
            return "polygon"
        if self.box is None:
            return "point"
        return "box" if self.track_id is None else "track"


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskLayer:
    """A mask file whose values mark objects of a picture; it is decoded with the picture, not by the reader.

    ``kind`` binary: values from 128 on (from 1 on where the largest is 1) are one label; instances: each value is an
    object; classes: each value is a label (palette masks give their index); rgb: each colour is a label.
    ``object`` file: all pixels of a label are one object; component: each 8-connected part is; value: each value is.
    ``labels`` maps a value, or a colour as ``r,g,b``, to a label; ``label`` is the label of all other values;
    values without a label are an error unless they are in ``ignore`` (0 and black are the background).
    ``min_area_px`` 0: use the recipe's smallest area for all masks.
    ``plane`` selects a part of the member (``page:3``, ``axial:12``, ``frame:7``, ``channel:2``); ``grid`` is the
    member whose orientation and axes number the plane if the mask's own may differ. ``reading``: see ``Annotation``.
    ``left_out`` says why, by ignored value, if the declaration ignores its label.
    """

    member: str
    kind: MaskKind = "binary"
    object: MaskObject = "component"
    label: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    min_area_px: int = 1
    channel: str = "rgb"
    plane: str = ""
    grid: str = ""
    reading: int = 0
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FramePicture:
    """A picture file whose name identifies it as a certain frame of a video."""

    frame_index: int
    member: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One image with its source's annotations. Members are paths inside the source's archives.

    ``mask_label`` is the label of every object in the mask.
    ``image_member`` is None if the picture must be decoded from ``video_member``.
    ``labels_exhaustive`` are the labels of which all objects are annotated, so that absence is certain.
    ``source_width`` and ``source_height`` are the size in the annotation, in pixels.
    ``neighbours`` are pictures of the same video, used to prove that the right frame was decoded.
    ``group`` names the patient, examination or volume; ``licence`` is the file's own, if it differs from the source's.
    ``plane`` and ``rendering`` say which part of ``image_member`` is the picture and how values become gray levels.
    ``drawn_on`` is the declared frame of the annotations of a picture that its orientation tag rotates.
    ``person`` is a hash of the patient's number that joins groups of several sources and is never released.
    ``annotations`` and ``layers`` come from a declared source; ``uncertain`` are the labels whose count is uncertain.
    ``parts`` is the hierarchy of labels: each entry is a JSON list of a parent and its parts.
    """

    source: str
    stem: str
    image_member: str | None
    mask_member: str | None = None
    mask_label: str | None = None
    label_member: str | None = None
    track_member: str | None = None
    video_member: str | None = None
    video_id: str | None = None
    frame_index: int | None = None
    fps: float | None = None
    organ: str
    finding: str
    classification: str
    official_split: str | None = None
    source_width: int | None = None
    source_height: int | None = None
    source_boxes: tuple[SourceBox, ...] = ()
    labels_exhaustive: tuple[str, ...] = ()
    neighbours: tuple[FramePicture, ...] = ()
    group: str | None = None
    modality: str | None = None
    licence: str | None = None
    plane: str | None = None
    rendering: str | None = None
    drawn_on: Literal["stored", "displayed"] | None = None
    person: str | None = None
    uncertain: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    layers: tuple[MaskLayer, ...] = ()

    @property
    def sample_id(self) -> str:
        return f"{self.source}/{self.stem}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """One object in one image, in pixels of the original image.

    Boxes of evidence ``source`` keep the source's numbers and convention; all others are half-open.
    ``centroid`` is the mean of the mask's pixel centres, ``interior`` always lies inside the mask.
    ``rle`` is the object's mask in the full frame, as COCO compressed RLE. ``tone`` is measured if there is a mask and
    the released picture has the source's pixels. All regions of one annotated object have the same ``object_key``.
    """

    sample_id: str
    evidence: Evidence
    label: str
    index: int
    box: Box
    object_key: str | None = None
    centroid: Point | None = None
    centroid_inside: bool | None = None
    interior: Point | None = None
    interior_inside: bool | None = None
    area_px: int | None = None
    rle: str | None = None
    tone: Tone | None = None
    track_id: str | None = None
    truncated: bool = False

    @property
    def region_id(self) -> str:
        return f"{self.sample_id}:{self.evidence}:{self.label}:{self.index}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedObject:
    """One object of a released image, in pixels of that image: a row of the table ``objects``.

    ``point`` is the point of the object's record. ``area_px`` and ``rle`` are in pixels of the original image, None
    without a mask; ``tone`` is None if the released pixels differ from the source's.
    """

    object_id: str
    label: str
    box: Box
    point: Point
    area_px: int | None = None
    rle: str | None = None
    tone: Tone | None = None
    track_id: str | None = None
    truncated: bool = False

    @property
    def centre(self) -> Point:
        return self.box.centre

    @property
    def sides(self) -> tuple[float, float]:
        """Width and height of the box."""
        return self.box.width, self.box.height


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """An input that yields no row: dropped by the recipe, or rejected (quarantined).

    ``key`` names the input in the accounting of its stage; ``reason`` is a stable snake_case word;
    ``detail`` is a sentence for people that names the wrong values.
    """

    source: str
    key: str
    verdict: Verdict
    reason: str
    detail: str
    sample_id: str | None = None


@dataclass(frozen=True, slots=True)
class UnusedAnnotation:
    """An annotation that shows no object in its picture, or one that stronger evidence contradicts."""

    key: str
    label: str
    reason: str
    detail: str
    verdict: Verdict = "rejected"


@dataclass(frozen=True, slots=True)
class Indexed:
    """The samples and exclusions that a reader made of a source's members.

    Every member is in ``used`` or is the key of exactly one exclusion. Annotation entries that refer to
    no member are inputs too, with the key ``<annotation member>#<entry>``.
    """

    samples: tuple[Sample, ...]
    used: frozenset[str]
    exclusions: tuple[Exclusion, ...]


class Members(Protocol):
    """The files of one source, by their paths in the official archives."""

    def names(self) -> Sequence[str]:
        """Return all member paths, sorted; repeated paths are listed each time."""
        ...

    def read(self, name: str) -> bytes:
        """Return the whole content of one member."""
        ...

    def video_facts(self, name: str) -> VideoFacts:
        """Return the metadata of a video member's container."""
        ...
