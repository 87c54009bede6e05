"""Select HyperKvasir's labelled images that prove the absence of polyps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.records import Exclusion, Sample, Verdict
from medmultipoints.transforms.sources.accounting import Problem, exclude
from medmultipoints.transforms.sources.builtin.findings import CLASSES, NEVER_NEGATIVE, FindingClass, canonical_finding
from medmultipoints.transforms.sources.pairs.pairing import find_duplicates, is_unusable_stem
from medmultipoints.transforms.sources.paths import MemberPath


@dataclass(frozen=True, slots=True)
class LabelTable:
    """Contents of the label table: its path, the class of each stem, and the problems of invalid rows."""

    member: str
    classes: Mapping[str, FindingClass]
    problems: Mapping[str, Problem]

    def look_up(self, stem: str, image: str) -> FindingClass | Problem:
        """Return the class of an image, or the problem that it has none."""
        missing = Problem("label_row_missing", f"image {image} has no row {stem!r} in {self.member}")
        return self.classes.get(stem) or self.problems.get(stem) or missing


@dataclass(frozen=True, slots=True)
class Selection:
    """Criteria for selecting labelled images.

    ``negatives``: findings to take; ``used``: stems that are samples already; ``segmented``: all stems of the segmented
    archive; ``unsegmented``: take polyps without a mask, as not annotated.
    """

    labels: LabelTable
    negatives: frozenset[str]
    used: frozenset[str]
    segmented: frozenset[str]
    unsegmented: bool = False


def select_negatives(names: Sequence[str]) -> frozenset[str]:
    """Return the findings to take as images without polyps, with the label table's names.

    Errors: UsageError for a finding that is unknown or may show a polyp or its remains.
    """
    chosen: set[str] = set()
    for name in names:
        finding = canonical_finding(name)
        if finding is None:
            known = ", ".join(item.finding for item in CLASSES if item.finding not in NEVER_NEGATIVE)
            raise UsageError(f"hyperkvasir: negatives: {name!r} is not a finding. Choose from {known}.")
        if finding in NEVER_NEGATIVE:
            raise UsageError(
                f"hyperkvasir: negatives: images of {name!r} may show polyps or instruments, "
                "so they do not prove the absence of polyps. Remove it from the recipe."
            )
        chosen.add(finding)
    return frozenset(chosen)


def check_negatives(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names unchanged. Raise UsageError if one is not selectable, so a recipe fails before any download."""
    select_negatives(names)
    return names


def read_labelled(
    source: str, paths: Sequence[MemberPath], selection: Selection
) -> tuple[tuple[Sample, ...], tuple[Exclusion, ...]]:
    """Return samples without polyps or with unsegmented ones, and one exclusion per other labelled image.

    Dropped: ``segmented_copy_is_used``, ``positive_without_annotation``, ``finding_not_selected``.
    Rejected: ``duplicate_stem``, ``stem_invalid``, ``label_row_missing``, ``finding_conflict``, and the
    reasons of parse_image_labels.
    """
    duplicates = find_duplicates("labelled image", paths)
    samples: list[Sample] = []
    exclusions: list[Exclusion] = []
    for path in {path.name: path for path in paths}.values():
        found = duplicates.get(path.stem) or _check_labels(path, selection.labels)
        if isinstance(found, Problem):
            exclusions += exclude(source, [path.name], "rejected", found, path.stem)
        elif wrong := _find_problem(path, found, selection):
            exclusions += exclude(source, [path.name], *wrong, path.stem)
        else:
            samples.append(_make_sample(source, path, found))
    return tuple(samples), tuple(exclusions)


def _check_labels(path: MemberPath, labels: LabelTable) -> FindingClass | Problem:
    if is_unusable_stem(path.stem):
        return Problem("stem_invalid", f"the file name of {path.name} is empty or contains blanks")
    found = labels.look_up(path.stem, path.name)
    if isinstance(found, Problem) or canonical_finding(path.folder) == found.finding:
        return found
    detail = f"{path.name} lies in the folder {path.folder!r}, but {labels.member} calls it {found.finding!r}"
    return Problem("finding_conflict", detail)


def _find_problem(path: MemberPath, found: FindingClass, selection: Selection) -> tuple[Verdict, Problem] | None:
    """Return the verdict and the problem of an image by its finding; None if the image is used."""
    if path.stem in selection.used:
        return "dropped", Problem("segmented_copy_is_used", f"{path.name} is also a segmented image, which is used")
    if found.finding == "polyps":
        if selection.unsegmented and path.stem not in selection.segmented:
            return None
        detail = f"{path.name} shows a polyp, but no usable mask and box of it exist"
        return "dropped", Problem("positive_without_annotation", detail)
    if path.stem in selection.segmented:
        detail = f"{path.name} is called {found.finding!r}, but the segmented archive holds a polyp of that name"
        return "rejected", Problem("finding_conflict", detail)
    if found.finding not in selection.negatives:
        detail = f"{path.name} shows {found.finding!r}, which the recipe does not take as images without polyps"
        return "dropped", Problem("finding_not_selected", detail)
    return None


def _make_sample(source: str, path: MemberPath, found: FindingClass) -> Sample:
    return Sample(
        source=source,
        stem=path.stem,
        image_member=path.name,
        organ=found.organ,
        finding=found.finding,
        classification=found.classification,
        labels_exhaustive=() if found.finding == "polyps" else ("polyps",),
    )
