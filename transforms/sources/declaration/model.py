"""Models of a source's declaration, the ``[read]`` table of a TOML file.

``medmultipoints inspect PATH`` proposes every key that the data can prove; a person gives the others. The reference
of the keys is generated from these models.
"""

import re
import unicodedata
from collections.abc import Mapping, Set
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from medmultipoints.transforms.label_tree import descendants
from medmultipoints.transforms.licences.combine import Licence
from medmultipoints.transforms.problems import TomlTable, without_empty_names
from medmultipoints.transforms.sources.declaration.parts import (
    COLUMNS,
    DICOM_HOLES,
    SEGMENT_HOLE,
    AbsenceKeys,
    BoxKeys,
    ColumnName,
    FieldName,
    GroupKeys,
    IgnoreLabel,
    IntensityKeys,
    MaskKeys,
    PathPattern,
    PathPatterns,
    PictureKeys,
    ReadingName,
    ReasonWord,
    ShapeKeys,
    SliceKeys,
    SplitKeys,
    TableKeys,
    Texts,
)
from medmultipoints.transforms.sources.declaration.patterns import compile_pattern, template_holes


class AnnotationKeys(TomlTable):
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


WITH_ROWS = frozenset({"table", "run-lengths", "hugging-face", "coco", "label-studio", "via"})
"""Formats with rows or entries about pictures, whose columns fill ``groups.group``, ``columns`` and ``splits.from``."""


class Declaration(AnnotationKeys):
    """How to read the files of a source: the table ``[read]``."""

    format: str = Field(description="name of the format")
    images: PathPatterns = Field(default=(), description="paths of pictures, with holes")
    drop: PathPatterns | Mapping[PathPattern, tuple[ReasonWord, str]] = Field(
        default=(),
        description='files to leave out; or pattern = ["reason_word", "says why, after the name of the file"]',
    )
    video: PathPattern | None = Field(default=None, description="paths of videos")
    frame_base: int = Field(default=0, ge=0, le=1, description="number of the first frame in file names")
    hierarchy: Mapping[str, Texts] = Field(
        default={},
        description="parent = parts, as labels of the release: a parent next to its parts is checked, not counted",
    )
    known: Texts = Field(
        default=(), description="labels allowed in the release; others must be mapped or ignored. Empty: all"
    )
    synonyms: Mapping[str, str] = Field(
        default={}, description="further names = label in the release, where `labels` has no such key; of the ontology"
    )
    absence: AbsenceKeys = AbsenceKeys()
    splits: SplitKeys = SplitKeys()
    groups: GroupKeys = GroupKeys()
    columns: Mapping[ColumnName, str] = Field(default={}, description="column = text with holes")
    tables: Mapping[str, TableKeys] = Field(default={}, description="tables of facts to join, see below")
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
        known = {name for text in self.patterns for name in compile_pattern(text).holes}
        held = ", ".join(f"{{{name}}}" for name in sorted(known))
        facts = self._fact_templates()
        for key, template in (self._path_templates() | facts).items():
            own = set(template_holes(template or "")) - known - DICOM_HOLES
            own -= {SEGMENT_HOLE} if key == "masks.label" and self.format == "nifti" else set()
            joined = {hole for hole in own if "." in hole} if key in facts else set()
            for table in sorted({hole.partition(".")[0] for hole in joined} - self.tables.keys()):
                raise ValueError(f"{key} = {template!r}: no table {table!r}; declare [read.tables.{table}]")
            missing = own - joined if key not in (facts if self.format in WITH_ROWS else ("splits.from",)) else set()
            if missing and known:
                raise ValueError(f"{key} = {template!r}: no pattern has a hole {{{min(missing)}}}; they have {held}")
            self._check_pictures(key, set(template_holes(template or "")) & known)
        return self

    def _check_pictures(self, key: str, holes: Set[str]) -> None:
        """Raise ValueError if some patterns of pictures have a hole and others not: it would stay unfilled."""
        patterns = {text: set(compile_pattern(text).holes) for text in self.images}
        read = {hole for text in self.annotations for hole in compile_pattern(text).holes}
        for hole in sorted(holes - read):
            lacking = [text for text, own in patterns.items() if hole not in own]
            if 0 < len(lacking) < len(patterns):
                raise ValueError(f"{key}: {lacking[0]!r} of images has no hole {{{hole}}}, as the others have; add it")

    def _path_templates(self) -> dict[str, str | None]:
        """Return by key the texts that the holes of the patterns fill."""
        found = {f"also.{name}.masks.label": keys.masks.label for name, keys in self.also.items()}
        return found | {"masks.label": self.masks.label}

    def _fact_templates(self) -> dict[str, str | None]:
        """Return by key the texts that patterns, joined tables and columns of rows fill."""
        found: dict[str, str | None] = {f"columns.{name}": text for name, text in self.columns.items()}
        return found | {"groups.group": self.groups.group, "splits.from": self.splits.source}

    def table_holes(self, name: str) -> frozenset[str]:
        """Return the columns of a joined table that fill facts of pictures."""
        mapped = self.tables[name].columns.items()
        named = {right if left in COLUMNS else left for left, right in mapped if isinstance(right, str)}
        wanted = {hole for text in self._fact_templates().values() for hole in template_holes(text or "")}
        return frozenset(named | {hole.removeprefix(f"{name}.") for hole in wanted if hole.startswith(f"{name}.")})

    @cached_property
    def row_holes(self) -> frozenset[str]:
        """The columns of annotation rows that fill facts of pictures: holes that no pattern has."""
        if self.format not in WITH_ROWS:
            return frozenset()
        known = {name for text in self.patterns for name in compile_pattern(text).holes}
        wanted = {hole for text in self._fact_templates().values() for hole in template_holes(text or "")}
        return frozenset(hole for hole in wanted - known if "." not in hole)

    @cached_property
    def patterns(self) -> list[str]:
        """The patterns of pictures, annotations, videos and lists."""
        single = filter(None, (self.video, self.splits.lists))
        further = (text for keys in self.also.values() for text in keys.annotations)
        return [*self.images, *self.annotations, *single, *further]

    @cached_property
    def readings(self) -> tuple["Declaration", ...]:
        """The declaration, then one for each further reading of its pictures, whose own ``labels`` win."""
        whole = {name: getattr(self, name) for name in Declaration.model_fields}
        return (self, *(_reading(whole, name, keys) for name, keys in self.also.items()))

    @cached_property
    def _folded(self) -> Mapping[str, str | IgnoreLabel]:
        keys: dict[str, str | IgnoreLabel] = {fold_label(key): label for key, label in self.synonyms.items()}
        keys |= {fold_label(key): value for key, value in self.labels.items() if "*" not in key}
        return keys | {fold_label(label): label for label in self.known}

    def release_label(self, label: str) -> str | IgnoreLabel:
        """Return the released label of a source's label, or the reason to leave its objects out.

        An exact key wins over one with ``*``, and a longer one with ``*`` over a shorter one; a label without a key is
        kept. With ``known`` labels, labels and keys are also matched ignoring case and separators.
        """
        if (stated := self.labels.get(label, self.synonyms.get(label))) is not None:
            return stated
        if self.known and (folded := self._folded.get(fold_label(label))) is not None:
            return folded
        fitting = [key for key in self.labels if "*" in key and fnmatchcase(label, key)]
        return self.labels[max(fitting, key=lambda key: (len(key), key))] if fitting else label


def _reading(whole: Mapping[str, Any], name: str, keys: Also) -> Declaration:
    own = {key: getattr(keys, key) for key in AnnotationKeys.model_fields}
    own |= {"format": keys.format or name, "labels": {**whole["labels"], **keys.labels}, "also": {}}
    return Declaration.model_construct(**{**whole, **own})


def fold_label(label: str) -> str:
    """Return a label in lower case and NFC, with single blanks instead of ``_``, ``-`` or blanks between words."""
    return " ".join(re.split(r"[\s_-]+", unicodedata.normalize("NFC", label).strip().casefold()))


_WHOLE = frozenset({"labels", "values"})


def merge_read(proposed: Mapping[str, Any], stated: Mapping[str, Any]) -> dict[str, Any]:
    """Return both ``[read]`` tables merged recursively; stated keys win, ``labels`` and ``values`` as a whole."""
    merged = dict(proposed)
    for key, value in stated.items():
        inner = merged.get(key)
        nested = isinstance(value, Mapping) and isinstance(inner, Mapping) and key not in _WHOLE
        merged[key] = merge_read(inner, value) if nested and isinstance(inner, Mapping) else value
    return merged
