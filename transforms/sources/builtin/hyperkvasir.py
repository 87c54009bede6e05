"""Read HyperKvasir: segmented polyps, and images without polyps from the labelled archive.

The segmented polyps are pairs, declared in its file of the catalogue. This module adds the label table, which is alone
or in ``labeled-images/``, and ``labeled-images/{lower,upper}-gi-tract/<classification>/<finding>/<stem>.jpg``.
"""

from collections.abc import Iterator
from functools import partial
from typing import Annotated

from pydantic import AfterValidator

from medmultipoints.transforms.records import Exclusion, Indexed, Members
from medmultipoints.transforms.sources.accounting import Problem, entry_key, exclude
from medmultipoints.transforms.sources.builtin.findings import ORGAN_FOLDERS
from medmultipoints.transforms.sources.builtin.hyperkvasir_labelled import (
    LabelTable,
    Selection,
    check_negatives,
    read_labelled,
    select_negatives,
)
from medmultipoints.transforms.sources.builtin.image_labels import parse_image_labels
from medmultipoints.transforms.sources.described import DescribedSource
from medmultipoints.transforms.sources.joined_facts import PictureFacts
from medmultipoints.transforms.sources.pairs.pairing import Pair
from medmultipoints.transforms.sources.pairs.reader import account_for, open_pairs, read_pairs
from medmultipoints.transforms.sources.pairs.stated_masks import NO_VALUES, MaskObjects, MaskValues
from medmultipoints.transforms.sources.paths import MemberPath

LABEL_FILE = "image-labels.csv"


def read_samples(
    members: Members,
    *,
    described: DescribedSource,
    negatives: Annotated[
        tuple[str, ...],
        AfterValidator(check_negatives),
        "findings of the labelled archive to take as images without polyps",
    ] = (),
    unsegmented: Annotated[
        bool, "take the labelled polyps without a mask as images that are not annotated, for proposals of a witness"
    ] = False,
    mask_values: MaskValues = NO_VALUES,
    mask_objects: MaskObjects = "component",
) -> Indexed:
    """Return a sample for each segmented polyp image, and one without objects for each image in ``negatives``.

    ``negatives``: findings in either naming scheme. Positive samples keep the JSON's boxes in its own convention;
    ``polyps`` is exhaustive in every sample. The 28 labelled polyps without a mask are dropped, or taken as not
    annotated (``unsegmented``), never as negatives. Valid rows of the label table without an image are ignored.
    Errors: UsageError for a finding that is unknown or may show a polyp; SourceDataError if the box file or the label
    table is missing or unreadable.
    """
    findings = select_negatives(negatives)
    files = open_pairs(described, members, [LABEL_FILE])
    table = files.annotations[LABEL_FILE]
    labels = LabelTable(table.member, *parse_image_labels(described.name, table.member, table.data))
    samples, rejected = read_pairs(files, partial(_find_facts, labels, described.label), mask_values, mask_objects)
    used = frozenset(sample.stem for sample in samples)
    selection = Selection(labels, findings, used, files.stems, unsegmented)
    labelled = [path for path in files.kinds["foreign"] if _is_labelled(path)]
    absent, excluded = read_labelled(described.name, labelled, selection)
    stray = _reject_stray_rows(described.name, labels, files.stems | {path.stem for path in labelled})
    return account_for(files, (*samples, *absent), (*rejected, *excluded, *stray))


def _is_labelled(path: MemberPath) -> bool:
    organ = path.folders[-3] if len(path.folders) >= 3 else ""
    return path.is_image and organ in ORGAN_FOLDERS


def _find_facts(labels: LabelTable, label: str, pair: Pair) -> PictureFacts | Problem:
    """Return organ, finding and classification of a segmented polyp by the label table."""
    found = labels.look_up(pair.stem, pair.image)
    if isinstance(found, Problem):
        return found
    if found.finding != label:
        detail = f"{pair.image} has a polyp mask, but {labels.member} calls it {found.finding!r}"
        return Problem("finding_conflict", detail)
    columns = {"organ": found.organ, "finding": found.finding, "classification": found.classification}
    return PictureFacts(columns=columns)


def _reject_stray_rows(source: str, labels: LabelTable, stems: frozenset[str]) -> Iterator[Exclusion]:
    """Yield exclusions of invalid rows of the label table that belong to no image."""
    for stem in sorted(labels.problems.keys() - stems):
        yield from exclude(source, [entry_key(labels.member, stem)], "rejected", labels.problems[stem])
