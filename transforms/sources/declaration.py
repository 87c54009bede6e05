"""Models of a source's declaration, the ``[read]`` table of a TOML file.

``medmultipoints inspect PATH`` proposes every key that the data can prove; a person gives the others. The reference
of the keys is generated from these models.
"""

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from medmultipoints.transforms.columns.tables import column_names
from medmultipoints.transforms.licences.combine import Licence
from medmultipoints.transforms.problems import NAME, without_empty_names
from medmultipoints.transforms.records import MaskKind, MaskObject
from medmultipoints.transforms.regions.hierarchy import descendants
from medmultipoints.transforms.sources.patterns import PatternError, compile_pattern, template_holes

Frame = Literal["edges", "inclusive-0", "inclusive-1"]
BoxForm = Literal["xyxy", "xywh", "cxcywh"]
RunOrder = Literal["columns-1", "columns-0", "rows-1", "rows-0", "columns-relative", "rows-relative"]
BoxUnit = Literal["pixels", "fraction", "percent"]


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _texts(value: object) -> object:
    """Convert whole numbers to text, as in ``ignore = [255]`` and ``values = { 1 = "fluid" }``."""
    if isinstance(value, Mapping):
        return {str(key): _texts(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(map(_texts, value))
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _checked_pattern(text: str) -> str:
    try:
        compile_pattern(text)
    except PatternError as error:
        raise ValueError(str(error)) from error
    return text


PathPattern = Annotated[str, AfterValidator(_checked_pattern)]
PathPatterns = Annotated[tuple[PathPattern, ...], BeforeValidator(_listed)]
ReasonWord = Annotated[str, Field(pattern=NAME)]
ReadingName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]
Texts = Annotated[tuple[str, ...], BeforeValidator(lambda value: _texts(_listed(value)))]
TextMap = Annotated[Mapping[str, str], BeforeValidator(_texts)]


COLUMNS = frozenset({*column_names("samples", "declared"), "split"})
"""Columns that a declaration may set for each picture, including the official split."""


def _checked_column(name: str) -> str:
    if name not in COLUMNS:
        raise ValueError(f"no such column; choose one of {', '.join(sorted(COLUMNS))}")
    return name


ColumnName = Annotated[str, AfterValidator(_checked_column)]


FIELDS = frozenset(
    {"image", "label", "box", "x1", "y1", "x2", "y2", "objects", "outline", "runs", "mask", "crowd", "annotator"}
)
"""Fields that a column of a table, or a path in a JSON record, can hold."""


def _checked_field(name: str) -> str:
    if name not in FIELDS:
        raise ValueError(f"no such field; choose of {', '.join(sorted(FIELDS))}")
    return name


FieldName = Annotated[str, AfterValidator(_checked_field)]


class Part(BaseModel):
    """Base of the tables of a declaration: frozen, with unknown keys as errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BoxKeys(Part):
    """Coordinate frame of stated boxes, for formats that do not define it."""

    frame: Frame | None = Field(
        default=None,
        description="edges: pixel edges from 0; inclusive-0, inclusive-1: first and last pixel, counted from 0 or 1",
    )
    form: BoxForm | None = Field(default=None, description="meaning of the four numbers of a table's box")
    unit: BoxUnit | None = Field(default=None, description="pixels, fractions of the picture's size, or percent of it")
    degenerate: Literal["reject", "keep"] = Field(
        default="reject", description="boxes of zero extent: reject them, or keep them as one pixel"
    )


class MaskKeys(Part):
    """Meaning of the values of mask files."""

    kind: MaskKind | Literal["palette", "channels"] | None = Field(
        default=None, description="binary; instances: value = object; classes or palette: value = label; rgb: colour"
    )
    object: MaskObject | None = Field(
        default=None, description="an object is the whole mask of a file, a connected component of it, or a value"
    )
    channel: Literal["rgb", "alpha", "r", "g", "b"] = Field(default="rgb", description="which channel is the mask")
    label: str | None = Field(default=None, description="label of the objects, with holes: {target}")
    replace: Mapping[str, str] = Field(default={}, description="text = its replacement, in a label from a hole")
    values: TextMap = Field(default={}, description="value, or colour as r,g,b = label")
    ignore: Texts = Field(default=(), description="values or colours to ignore, such as 255")
    runs: RunOrder | None = Field(
        default=None,
        description="run lengths in cells: down the columns or along the rows, counted from 1 or 0, or (relative) "
        "each from the end of the run before",
    )
    min_area_px: int = Field(default=1, ge=1, description="smaller components are specks: dropped and reported")
    count: Literal["certain", "uncertain"] = Field(
        default="certain",
        description="uncertain: touching objects are one component, so no questions ask for counts",
    )


class IgnoreLabel(Part):
    """A label that the release leaves out, and why."""

    ignore: str = Field(min_length=1, description="the reason")


class AbsenceKeys(Part):
    """When a label without annotation is known to be absent from a picture."""

    certain: Texts = Field(default=(), description="labels of which every object is annotated")
    missing_file: Literal["none", "unknown", "reject"] = Field(
        default="unknown", description="a picture without an annotation file: no objects, nothing known, or rejected"
    )
    empty_file: Literal["none", "unknown", "reject"] = Field(
        default="none", description="a picture whose annotation file is empty"
    )


class SplitKeys(Part):
    """Official split assigned by the authors."""

    lists: PathPattern | None = Field(
        default=None, description="text files of picture names, one per line: Main/{split}.txt"
    )
    use: Texts = Field(default=(), description="the lists to use; empty: all")
    source: str | None = Field(default=None, alias="from", description="TABLE.COLUMN of a joined table, or {hole}")
    names: TextMap = Field(default={}, description="value that from gives (* is any other) = split, such as 0 = train")

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    def named(self, value: str) -> str:
        """Return the split of a value that ``from`` gives: the value itself if no name is declared for it."""
        return self.names.get(value, self.names.get("*", value))


EACH_PICTURE = "picture"
"""Value of ``groups.group`` that says that no pictures must share a split."""


class GroupKeys(Part):
    """Pictures that must share a split."""

    group: str | None = Field(
        default=None,
        description="text with holes that identifies the patient, examination or volume: {patient}; picture: each "
        "picture is its own group",
    )


class TableKeys(Part):
    """A table to join: CSV, or JSON in the shape ``split -> list``."""

    file: str = Field(description="path of the file in the source")
    on: str | None = Field(default=None, description="column that equals the hole of the same name")
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    shape: str | None = Field(default=None, description="of a JSON file: split -> list of NAME")
    columns: Mapping[str, str | Mapping[str, bool]] = Field(
        default={}, description="column = column of the release, or { drop = true }"
    )


class SliceKeys(Part):
    """Slices of a volume to take as pictures."""

    axis: Literal["axial", "coronal", "sagittal"] | None = Field(
        default=None, description="axis in patient space; slices are in radiological view"
    )
    every: int = Field(default=1, ge=1, description="take every n-th slice")
    only: Literal["all", "with-mask"] = Field(default="all", description="slices with an object, or all")
    max: int | None = Field(default=None, ge=1, description="greatest number of slices per volume, evenly spaced")
    channel: int | None = Field(default=None, ge=0, description="index on the fourth axis of a volume, from 0")


class IntensityKeys(Part):
    """Conversion of CT, MRI and 16-bit values to gray levels."""

    window: Mapping[str, float] | str | None = Field(
        default=None, description="{ centre = 40, width = 400 }, dicom, full, or percentile 0.5 99.5"
    )
    invert_monochrome1: bool = Field(
        default=True, description="invert MONOCHROME1 pictures, in which low values are bright"
    )
    aspect: Literal["as-stored", "square-pixels"] = Field(
        default="as-stored", description="square-pixels: resample slices of unequal spacing"
    )


class PictureKeys(Part):
    """How pictures are read."""

    exif: Literal["stored", "displayed"] | None = Field(
        default=None, description="annotations refer to the pixels as stored, or as an orientation tag shows them"
    )


class ShapeKeys(Part):
    """Meaning of shapes that formats do not define."""

    ellipse: Literal["polygon", "ignore"] | None = Field(
        default=None, description="ellipses and circles: outlines of objects, or left out"
    )
    outline: Literal["polygon", "oriented", "key-points"] | None = Field(
        default=None, description="YOLO: an outline, corners of an oriented box, or a box with key points"
    )
    grouped: Literal["one", "each"] | None = Field(
        default=None, description="LabelMe: shapes of one label and group_id are one object, or one each"
    )


class AnnotationKeys(Part):
    """How annotations are read: keys that each reading of the same pictures has."""

    annotations: PathPatterns = Field(
        default=(), description="paths of annotation files; equal holes join them with pictures"
    )
    interpolate: Literal["linear", "as-exported", "refuse"] = Field(
        default="refuse",
        description="tracks with gaps: linear interpolation between key frames, unchanged, or refused",
    )
    classes: Texts = Field(default=(), description="names of class numbers, from 0")
    label_names: str | None = Field(default=None, description="JSON file of value = label")
    label: str | None = Field(default=None, description="label of all objects, if the files have none")
    fields: Mapping[FieldName, str] = Field(
        default={},
        description="of tables and JSON: image, label, box or x1, y1, x2, y2, objects, outline, runs, mask, crowd, "
        "annotator = column, or path in a record, that holds it; columns without names are 1, 2 and so on, {n} a "
        "number in names",
    )
    annotators: Literal["each", "first", "latest", "ground-truth"] | None = Field(
        default=None, description="pictures annotated by several people: whose objects are read"
    )
    labels: Annotated[Mapping[str, str | IgnoreLabel], AfterValidator(without_empty_names)] = Field(
        default={}, description="label of the source (* is any text) = label in the release, or { ignore = reason }"
    )
    boxes: BoxKeys = BoxKeys()
    masks: MaskKeys = MaskKeys()
    shapes: ShapeKeys = ShapeKeys()


class Also(AnnotationKeys):
    """A further reading of the same pictures: files of another format that annotate the same objects."""

    format: str = Field(default="", description="name of the format; default: the name of the table")


class Declaration(AnnotationKeys):
    """How to read the files of a source: the table ``[read]``."""

    format: str = Field(description="name of the format")
    images: PathPatterns = Field(default=(), description="paths of pictures, with holes")
    drop: PathPatterns | Mapping[PathPattern, tuple[ReasonWord, str]] = Field(
        default=(),
        description='files to leave out; or pattern = ["reason_word", "says why, after the name of the file"]',
    )
    video: PathPattern | None = Field(default=None, description="paths of videos")
    frames: PathPattern | None = Field(default=None, description="paths of frames, with {frame:int}")
    frame_base: Literal[0, 1] = Field(default=0, description="number of the first frame in file names")
    name: str | None = Field(default=None, description="name of a picture, with holes; default: its path")
    hierarchy: Mapping[str, Texts] = Field(
        default={},
        description="parent = parts, as labels of the release: a parent next to its parts is checked, not counted",
    )
    known: Texts = Field(
        default=(), description="labels allowed in the release; others must be mapped or ignored. Empty: all"
    )
    absence: AbsenceKeys = AbsenceKeys()
    splits: SplitKeys = SplitKeys()
    groups: GroupKeys = GroupKeys()
    columns: Mapping[ColumnName, str] = Field(default={}, description="column = text with holes")
    tables: Mapping[str, TableKeys] = Field(default={}, description="tables to join")
    slices: SliceKeys = SliceKeys()
    intensity: IntensityKeys = IntensityKeys()
    pictures: PictureKeys = PictureKeys()
    licences: Mapping[PathPattern, Licence] = Field(default={}, description="path pattern = licence, if it differs")
    also: Mapping[ReadingName, Also] = Field(
        default={}, description="further annotations of the same pictures, such as boxes of objects that have masks"
    )

    @model_validator(mode="after")
    def _has_no_circle(self) -> "Declaration":
        for label in self.hierarchy:
            descendants(self.hierarchy, label)
        return self

    @model_validator(mode="after")
    def _holes_exist(self) -> "Declaration":
        known = {name for text in self._patterns() for name in compile_pattern(text).holes}
        held = ", ".join(f"{{{name}}}" for name in sorted(known))
        for key, template in self._templates().items():
            missing = set(template_holes(template or "")) - known - DICOM_HOLES
            if missing and known:
                raise ValueError(f"{key} = {template!r}: no pattern has a hole {{{min(missing)}}}; they have {held}")
        return self

    def _templates(self) -> dict[str, str | None]:
        """Return by key the texts that the holes of the patterns fill."""
        found: dict[str, str | None] = {f"columns.{name}": text for name, text in self.columns.items()}
        found |= {f"also.{name}.masks.label": keys.masks.label for name, keys in self.also.items()}
        return found | {"groups.group": self.groups.group, "name": self.name, "masks.label": self.masks.label}

    def _patterns(self) -> list[str]:
        single = filter(None, (self.video, self.frames, self.splits.lists))
        further = (text for keys in self.also.values() for text in keys.annotations)
        return [*self.images, *self.annotations, *single, *further]

    @cached_property
    def readings(self) -> tuple["Declaration", ...]:
        """The declaration, then one for each further reading of its pictures, whose own ``labels`` win."""
        whole = {name: getattr(self, name) for name in Declaration.model_fields}
        return (self, *(_reading(whole, name, keys) for name, keys in self.also.items()))

    @cached_property
    def _folded(self) -> Mapping[str, str | IgnoreLabel]:
        keys = {fold_label(key): value for key, value in self.labels.items() if "*" not in key}
        return keys | {fold_label(label): label for label in self.known}

    def release_label(self, label: str) -> str | IgnoreLabel:
        """Return the released label of a source's label, or the reason to leave its objects out.

        An exact key wins over one with ``*``, and a longer one with ``*`` over a shorter one; a label without a key is
        kept. With ``known`` labels, labels and keys are also matched ignoring case and separators.
        """
        if label in self.labels:
            return self.labels[label]
        if self.known and (folded := self._folded.get(fold_label(label))) is not None:
            return folded
        fitting = [key for key in self.labels if "*" in key and fnmatchcase(label, key)]
        return self.labels[max(fitting, key=lambda key: (len(key), key))] if fitting else label


def _reading(whole: Mapping[str, Any], name: str, keys: Also) -> Declaration:
    own = {key: getattr(keys, key) for key in AnnotationKeys.model_fields}
    own |= {"format": keys.format or name, "labels": {**whole["labels"], **keys.labels}, "also": {}}
    return Declaration.model_construct(**{**whole, **own})


def fold_label(label: str) -> str:
    """Return a label in lower case, with single blanks instead of ``_``, ``-`` or blanks between words."""
    return " ".join(re.split(r"[\s_-]+", label.strip().casefold()))


DICOM_HOLES = frozenset({"PatientID", "StudyInstanceUID", "SeriesInstanceUID"})
"""DICOM attributes available as holes; they are hashed before they name a group."""


_WHOLE = frozenset({"labels", "values"})


def merge_read(proposed: Mapping[str, Any], stated: Mapping[str, Any]) -> dict[str, Any]:
    """Return both ``[read]`` tables merged recursively; stated keys win, ``labels`` and ``values`` as a whole."""
    merged = dict(proposed)
    for key, value in stated.items():
        inner = merged.get(key)
        nested = isinstance(value, Mapping) and isinstance(inner, Mapping) and key not in _WHOLE
        merged[key] = merge_read(inner, value) if nested and isinstance(inner, Mapping) else value
    return merged
