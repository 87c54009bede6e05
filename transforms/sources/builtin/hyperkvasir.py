"""Read HyperKvasir: segmented polyps, and images without polyps from the labelled archive.

Layout: ``segmented-images/{images,masks}/<stem>.jpg``, ``segmented-images/bounding-boxes.json``,
``image-labels.csv`` alone or in ``labeled-images/``, and
``labeled-images/{lower,upper}-gi-tract/<classification>/<finding>/<stem>.jpg``. Outer folders are arbitrary.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Annotated

from pydantic import AfterValidator

from medmultipoints.transforms.records import Exclusion, Indexed, MaskObject, Members, Sample
from medmultipoints.transforms.sources.accounting import Problem, assemble, drop_foreign, entry_key, exclude
from medmultipoints.transforms.sources.builtin.annotation_files import read_annotation_file
from medmultipoints.transforms.sources.builtin.findings import ORGAN_FOLDERS
from medmultipoints.transforms.sources.builtin.hyperkvasir_labelled import (
    LabelTable,
    Selection,
    check_negatives,
    read_labelled,
    select_negatives,
)
from medmultipoints.transforms.sources.builtin.image_labels import parse_image_labels
from medmultipoints.transforms.sources.builtin.image_mask_pairs import (
    Pair,
    join_pairs,
    pair_sample,
    read_box_file,
    sort_members,
)
from medmultipoints.transforms.sources.builtin.stated_masks import NO_VALUES, OBJECTS, VALUES, check_values, state_masks
from medmultipoints.transforms.sources.paths import MemberPath, split_paths

SOURCE = "hyperkvasir"
LABEL = "polyps"
BOX_FILE = "bounding-boxes.json"
LABEL_FILE = "image-labels.csv"
_BOX_REMEDY = "Give hyper-kvasir-segmented-images.zip, which holds it next to images/ and masks/."
_LABEL_REMEDY = (
    "Give image-labels.csv next to the segmented archive, or hyper-kvasir-labeled-images.zip, which holds it."
)
_UNLABELLED = "unlabeled-images"


def read_samples(
    members: Members,
    *,
    negatives: Annotated[
        tuple[str, ...],
        AfterValidator(check_negatives),
        "findings of the labelled archive to take as images without polyps",
    ] = (),
    unsegmented: Annotated[
        bool, "take the labelled polyps without a mask as images that are not annotated, for proposals of a witness"
    ] = False,
    mask_values: Annotated[Mapping[str, str], AfterValidator(partial(check_values, label=LABEL)), VALUES] = NO_VALUES,
    mask_objects: Annotated[MaskObject, OBJECTS] = "component",
) -> Indexed:
    """Return a sample for each segmented polyp image, and one without objects for each image in ``negatives``.

    ``negatives``: findings in either naming scheme. Positive samples keep the JSON's boxes in its own convention;
    ``polyps`` is exhaustive in every sample. The 28 labelled polyps without a mask are dropped, or taken as not
    annotated (``unsegmented``), never as negatives. Valid rows of the label table without an image are ignored.
    Errors: UsageError for a finding that is unknown or may show a polyp; SourceDataError if the box file or the label
    table is missing or unreadable.
    """
    findings = select_negatives(negatives)
    paths = split_paths(members.names())
    kinds = sort_members(paths, _kind)
    box_copy = read_annotation_file(SOURCE, members, paths, BOX_FILE, _BOX_REMEDY)
    label_copy = read_annotation_file(SOURCE, members, paths, LABEL_FILE, _LABEL_REMEDY)
    boxes = read_box_file(SOURCE, box_copy.member, box_copy.data, {"polyp": LABEL})
    labels = LabelTable(label_copy.member, *parse_image_labels(SOURCE, label_copy.member, label_copy.data))
    pairs, incomplete = join_pairs(SOURCE, kinds["images"], kinds["masks"], boxes)
    samples, rejected = _label_pairs(pairs, labels)
    segmented = boxes.stems | {path.stem for path in (*kinds["images"], *kinds["masks"])}
    samples = tuple(state_masks(sample, mask_values, mask_objects) for sample in samples)
    selection = Selection(labels, findings, frozenset(sample.stem for sample in samples), segmented, unsegmented)
    absent, excluded = read_labelled(SOURCE, kinds["labelled"], selection)
    stray = _reject_stray_rows(labels, segmented | {path.stem for path in kinds["labelled"]})
    copies = (*box_copy.exclusions, *label_copy.exclusions)
    exclusions = (*incomplete, *rejected, *excluded, *stray, *copies, *drop_foreign(SOURCE, kinds["foreign"]))
    return assemble((*samples, *absent), (box_copy.member, label_copy.member), exclusions)


def _kind(path: MemberPath) -> str:
    if path.is_clutter or (_UNLABELLED in path.folders and path.is_image):
        return "foreign"
    if path.filename in (BOX_FILE, LABEL_FILE):
        return "annotations"
    if path.is_image and path.folder in ("images", "masks"):
        return path.folder
    if path.is_image and len(path.folders) >= 3 and path.folders[-3] in ORGAN_FOLDERS:
        return "labelled"
    return "foreign"


def _label_pairs(pairs: Iterable[Pair], labels: LabelTable) -> tuple[tuple[Sample, ...], tuple[Exclusion, ...]]:
    samples: list[Sample] = []
    rejected: list[Exclusion] = []
    for pair in pairs:
        outcome = labels.look_up(pair.stem, pair.image)
        if not isinstance(outcome, Problem) and outcome.finding != LABEL:
            detail = f"{pair.image} has a polyp mask, but {labels.member} calls it {outcome.finding!r}"
            outcome = Problem("finding_conflict", detail)
        if isinstance(outcome, Problem):
            rejected += exclude(SOURCE, pair.members, "rejected", outcome, pair.stem)
        else:
            samples.append(pair_sample(SOURCE, LABEL, pair, outcome))
    return tuple(samples), tuple(rejected)


def _reject_stray_rows(labels: LabelTable, stems: frozenset[str]) -> tuple[Exclusion, ...]:
    """Return exclusions of invalid rows of the label table that belong to no image."""
    return tuple(
        row
        for stem in sorted(labels.problems.keys() - stems)
        for row in exclude(SOURCE, [entry_key(labels.member, stem)], "rejected", labels.problems[stem])
    )
