"""Read Kvasir-Instrument: instruments in gastrointestinal endoscopy, with masks, boxes and an official split.

Layout: ``images/<stem>.jpg`` and ``masks/<stem>.png`` (nested archives in the zip), ``bboxes.json``,
``train.txt``, ``test.txt`` with one stem per line. Outer folders are arbitrary.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated
from unicodedata import normalize

from pydantic import AfterValidator

from medmultipoints.transforms.errors import SourceDataError
from medmultipoints.transforms.records import Exclusion, Indexed, MaskObject, Members, Sample
from medmultipoints.transforms.sources.accounting import Problem, assemble, drop_foreign, exclude
from medmultipoints.transforms.sources.builtin.annotation_files import AnnotationFile, read_annotation_file
from medmultipoints.transforms.sources.builtin.findings import FindingClass
from medmultipoints.transforms.sources.builtin.image_mask_pairs import (
    Pair,
    join_pairs,
    pair_sample,
    read_box_file,
    reject_entries,
    sort_members,
)
from medmultipoints.transforms.sources.builtin.stated_masks import NO_VALUES, OBJECTS, VALUES, check_values, state_masks
from medmultipoints.transforms.sources.paths import MemberPath, split_paths

SOURCE = "kvasir_instrument"
LABEL = "instrument"
# The source gives none of these, and the strings of the published rows are unknown, so they are ours.
ORGAN = "Gastrointestinal tract"
FINDING = "instrument"
CLASSIFICATION = "surgical-instruments"
FOUND = FindingClass(ORGAN, CLASSIFICATION, FINDING)

BOX_FILE = "bboxes.json"
SPLIT_FILES: Mapping[str, str] = {"train.txt": "train", "test.txt": "test"}
_REMEDY = (
    "Give kvasir-instrument.zip, or a folder with images.tar.gz, masks.tar.gz, bboxes.json, train.txt and test.txt."
)


@dataclass(frozen=True, slots=True)
class _SplitList:
    member: str
    split: str
    stems: frozenset[str]


def read_samples(
    members: Members,
    *,
    mask_values: Annotated[Mapping[str, str], AfterValidator(partial(check_values, label=LABEL)), VALUES] = NO_VALUES,
    mask_objects: Annotated[MaskObject, OBJECTS] = "component",
) -> Indexed:
    """Return a sample for each image with a mask and an entry in ``bboxes.json``, with its official split.

    Boxes keep the JSON's convention; ``instrument`` is exhaustive in every sample. ``official_split`` is None for a
    stem in neither list; a stem in both lists is rejected as ``split_conflict``.
    Errors: SourceDataError if an annotation file or split list is missing or unreadable.
    """
    paths = split_paths(members.names())
    kinds = sort_members(paths, _kind)
    copies = {name: read_annotation_file(SOURCE, members, paths, name, _REMEDY) for name in (BOX_FILE, *SPLIT_FILES)}
    box_copy = copies[BOX_FILE]
    box_file = read_box_file(SOURCE, box_copy.member, box_copy.data, {"instrument": LABEL})
    splits = tuple(_read_split(copies[name], split) for name, split in SPLIT_FILES.items())
    pairs, exclusions = join_pairs(SOURCE, kinds["images"], kinds["masks"], box_file)
    samples, rejected = _assign_splits(pairs, splits)
    samples = tuple(state_masks(sample, mask_values, mask_objects) for sample in samples)
    known = {path.stem for path in (*kinds["images"], *kinds["masks"])} | box_file.stems
    stray = tuple(row for item in splits for row in reject_entries(SOURCE, item.member, item.stems - known))
    extra = tuple(row for copy in copies.values() for row in copy.exclusions)
    foreign = drop_foreign(SOURCE, kinds["foreign"])
    used = (copy.member for copy in copies.values())
    return assemble(samples, used, (*exclusions, *rejected, *stray, *extra, *foreign))


def _kind(path: MemberPath) -> str:
    if path.is_clutter:
        return "foreign"
    if path.filename == BOX_FILE or path.filename in SPLIT_FILES:
        return "annotations"
    return path.folder if path.is_image and path.folder in ("images", "masks") else "foreign"


def _read_split(copy: AnnotationFile, split: str) -> _SplitList:
    try:
        lines = normalize("NFC", copy.data.decode("utf-8-sig")).split("\n")
    except UnicodeDecodeError as error:
        raise SourceDataError(SOURCE, copy.member, f"is not UTF-8 text ({error})", _REMEDY) from error
    return _SplitList(copy.member, split, frozenset(line.strip() for line in lines if line.strip()))


def _assign_splits(
    pairs: Iterable[Pair], splits: tuple[_SplitList, ...]
) -> tuple[tuple[Sample, ...], tuple[Exclusion, ...]]:
    samples: list[Sample] = []
    rejected: list[Exclusion] = []
    for pair in pairs:
        holders = [item for item in splits if pair.stem in item.stems]
        if len(holders) > 1:
            files = " and ".join(item.member for item in holders)
            problem = Problem("split_conflict", f"{pair.stem!r} is listed in both {files}")
            rejected += exclude(SOURCE, pair.members, "rejected", problem, pair.stem)
        else:
            samples.append(pair_sample(SOURCE, LABEL, pair, FOUND, holders[0].split if holders else None))
    return tuple(samples), tuple(rejected)
