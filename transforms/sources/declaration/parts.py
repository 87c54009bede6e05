"""Models of the tables below ``[read]`` in a declaration, and the types of its values."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from medmultipoints.transforms.columns.tables import column_names
from medmultipoints.transforms.problems import NAME, TomlTable
from medmultipoints.transforms.records import MaskKind, MaskObject
from medmultipoints.transforms.sources.declaration.patterns import PatternError, compile_pattern, template_holes
from medmultipoints.transforms.sources.declaration.text import toml_value

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


class BoxKeys(TomlTable):
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


class MaskKeys(TomlTable):
    """Meaning of the values of mask files."""

    kind: MaskKind | Literal["palette", "channels"] | None = Field(
        default=None, description="binary; instances: value = object; classes or palette: value = label; rgb: colour"
    )
    object: MaskObject | None = Field(
        default=None, description="an object is the whole mask of a file, a connected component of it, or a value"
    )
    channel: Literal["rgb", "alpha", "r", "g", "b"] = Field(
        default="rgb", description="which channel is the mask; rgb: all, which a mask of gray values has alike"
    )
    label: str | None = Field(
        default=None,
        description="label of the objects, with holes: {target}; {segment}: names in the header (.seg.nrrd)",
    )
    replace: Mapping[str, str] = Field(default={}, description="text = its replacement, in a label from a hole")
    values: TextMap = Field(default={}, description="value, or colour as r,g,b = label")
    ignore: Texts = Field(default=(), description="values or colours to ignore, such as 255")
    runs: RunOrder | None = Field(
        default=None,
        description="run lengths in cells: down the columns or along the rows, counted from 1 or 0, or (relative) "
        "each from the end of the run before",
    )
    series: Literal["folder", "all"] = Field(
        default="folder",
        description="a mask on the voxels of several DICOM series is of the one in the nearest folder, or of all",
    )
    min_area_px: int = Field(default=1, ge=1, description="smaller components are specks: dropped and reported")
    count: Literal["certain", "uncertain"] = Field(
        default="certain",
        description="uncertain: touching objects are one component, so no questions ask for counts",
    )

    @model_validator(mode="after")
    def _has_one_meaning(self) -> "MaskKeys":
        if self.kind == "rgb" and self.channel != "rgb":
            raise ValueError('channel: masks of the kind "rgb" are colours of all channels; leave it out')
        if both := sorted(set(self.ignore) & set(self.values)):
            name = self.values[both[0]]
            raise ValueError(
                f'ignore: {both[0]} is "{name}" in values; [read.labels] leaves a label out, with a reason'
            )
        return self


class IgnoreLabel(TomlTable):
    """A label that the release leaves out, and why."""

    ignore: str = Field(min_length=1, description="the reason")


class AbsenceKeys(TomlTable):
    """When a label without annotation is known to be absent from a picture."""

    certain: Texts = Field(default=(), description="labels of which every object is annotated")
    missing_file: Literal["none", "unknown", "reject"] = Field(
        default="unknown", description="a picture without an annotation file: no objects, nothing known, or rejected"
    )
    empty_file: Literal["none", "unknown", "reject"] = Field(
        default="none",
        description="a picture whose annotation file is empty: none: it has no object of the labels in certain",
    )


def _with_hole(text: str) -> str:
    return text if template_holes(text) else f"{{{text}}}"


class SplitKeys(TomlTable):
    """Official split assigned by the authors."""

    lists: PathPattern | None = Field(
        default=None, description="text files of picture names, one per line: Main/{split}.txt"
    )
    use: Texts = Field(default=(), description="the lists to use; empty: all")
    source: Annotated[str, AfterValidator(_with_hole)] | None = Field(
        default=None, alias="from", description="{hole}, or {TABLE.COLUMN} of a joined table"
    )
    names: TextMap = Field(default={}, description="value that from gives (* is any other) = split, such as 0 = train")

    model_config = ConfigDict(populate_by_name=True)

    def named(self, value: str) -> str:
        """Return the split of a value that ``from`` gives: the value itself if no name is declared for it."""
        return self.names.get(value, self.names.get("*", value))


EACH_PICTURE = "picture"
"""Value of ``groups.group`` that says that no pictures must share a split."""


class GroupKeys(TomlTable):
    """Pictures that must share a split."""

    group: str | None = Field(
        default=None,
        description="text with holes that identifies the patient, examination or volume: {patient}, {TABLE.COLUMN}; "
        "picture: each picture is its own group",
    )
    hash: bool = Field(
        default=False,
        description="true: a release has a hash for the group, and for what fills its holes in paths and sample ids, "
        "such as names of patients",
    )

    @model_validator(mode="after")
    def _hashes_a_group(self) -> "GroupKeys":
        if self.hash and self.group in (None, EACH_PICTURE):
            raise ValueError("hash needs group: a text with the holes of paths that names of persons fill")
        return self

    @field_validator("group")
    @classmethod
    def _has_holes(cls, text: str | None) -> str | None:
        if text is not None and text != EACH_PICTURE and not template_holes(text):
            raise ValueError(
                f"{text!r} would put all pictures into one group: write {{{text}}} if it names a hole or a column"
            )
        return text


class TableKeys(TomlTable):
    """A table of facts about pictures, such as their patients: CSV, Parquet, or lists in JSON.

    Its columns are holes ``{NAME.COLUMN}`` of ``groups.group``, ``columns`` and ``splits.from``.
    """

    file: str = Field(description="path of the file in the source")
    on: str | None = Field(
        default=None, description="column that names the picture, or that has the values of the hole of the same name"
    )
    delimiter: str | None = Field(default=None, min_length=1, max_length=1, description="default: found")
    shape: str | None = Field(default=None, description="of a JSON file: split -> list of NAME")
    columns: Mapping[str, str | Mapping[str, bool]] = Field(
        default={}, description="column = column of the release, or { drop = true }"
    )

    @field_validator("on", mode="before")
    @classmethod
    def _is_one_column(cls, value: object) -> object:
        if isinstance(value, list | tuple):
            raise ValueError("one column joins a table; add one that names the picture, such as its file, and name it")
        return value

    @model_validator(mode="after")
    def _joins(self) -> "TableKeys":
        if self.on is None and not self.hole:
            raise ValueError("on is missing: write the column that names the picture, or the name of a hole")
        return self

    @property
    def hole(self) -> str:
        """The hole that joins rows: ``on``, or the last word of ``split -> list of patient``."""
        return self.on or (self.shape or " ").split(" ")[-1]


class SliceKeys(TomlTable):
    """Slices of a volume to take as pictures."""

    axis: Literal["axial", "coronal", "sagittal"] | None = Field(
        default=None, description="axis in patient space; slices are in radiological view"
    )
    every: int = Field(default=1, ge=1, description="take every n-th slice")
    only: Literal["all", "with-mask"] = Field(default="all", description="slices with an object, or all")
    max: int | None = Field(default=None, ge=1, description="greatest number of slices per volume, evenly spaced")
    channel: int | None = Field(default=None, ge=0, description="index on the fourth axis of a volume, from 0")


class IntensityKeys(TomlTable):
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

    @field_validator("window")
    @classmethod
    def _is_a_rule(cls, window: Mapping[str, float] | str | None) -> Mapping[str, float] | str | None:
        from medmultipoints.transforms.rasters.intensity import make_rendering  # slow to import: decoders

        try:
            make_rendering(window)
        except (ValueError, LookupError) as error:
            numbers = re.findall(r"-?[0-9.]+", window if isinstance(window, str) else "")
            centre, width = numbers if len(numbers) == 2 else ("40", "400")
            raise ValueError(
                f"{toml_value(window)} is not a rule; write {{ centre = {centre}, width = {width} }}, "
                f'"dicom", "full" or "percentile 0.5 99.5"'
            ) from error
        return window


class PictureKeys(TomlTable):
    """How pictures are read."""

    exif: Literal["stored", "displayed"] | None = Field(
        default=None, description="annotations refer to the pixels as stored, or as an orientation tag shows them"
    )


class ShapeKeys(TomlTable):
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


DICOM_HOLES = frozenset({"PatientID", "StudyInstanceUID", "SeriesInstanceUID"})
"""DICOM attributes available as holes; they are hashed before they name a group."""
SEGMENT_HOLE = "segment"
"""Hole of a label that is filled with the name of the mask's value in its own header."""
