"""The 23 classes of HyperKvasir's labelled images, with the other names used in its split files.

Source: ``image-labels.csv`` of the labelled archive and ``official_splits`` of the authors' repository.
"""

from collections.abc import Mapping
from dataclasses import dataclass

LOWER = "Lower GI"
UPPER = "Upper GI"
LANDMARKS = "anatomical-landmarks"
PATHOLOGY = "pathological-findings"
QUALITY = "quality-of-mucosal-views"
THERAPY = "therapeutic-interventions"


@dataclass(frozen=True, slots=True)
class FindingClass:
    """A class: organ, classification and finding in the label table, and the alternative name, if any."""

    organ: str
    classification: str
    finding: str
    alias: str | None = None


CLASSES: tuple[FindingClass, ...] = (
    FindingClass(LOWER, LANDMARKS, "cecum", "normal-cecum"),
    FindingClass(LOWER, LANDMARKS, "ileum"),
    FindingClass(LOWER, LANDMARKS, "retroflex-rectum"),
    FindingClass(LOWER, PATHOLOGY, "hemorrhoids", "hemorroids"),
    FindingClass(LOWER, PATHOLOGY, "polyps", "polyp"),
    FindingClass(LOWER, PATHOLOGY, "ulcerative-colitis-grade-0-1"),
    FindingClass(LOWER, PATHOLOGY, "ulcerative-colitis-grade-1"),
    FindingClass(LOWER, PATHOLOGY, "ulcerative-colitis-grade-1-2"),
    FindingClass(LOWER, PATHOLOGY, "ulcerative-colitis-grade-2"),
    FindingClass(LOWER, PATHOLOGY, "ulcerative-colitis-grade-2-3"),
    FindingClass(LOWER, PATHOLOGY, "ulcerative-colitis-grade-3"),
    FindingClass(LOWER, QUALITY, "bbps-0-1"),
    FindingClass(LOWER, QUALITY, "bbps-2-3"),
    FindingClass(LOWER, QUALITY, "impacted-stool"),
    FindingClass(LOWER, THERAPY, "dyed-lifted-polyps"),
    FindingClass(LOWER, THERAPY, "dyed-resection-margins"),
    FindingClass(UPPER, LANDMARKS, "pylorus", "normal-pylorus"),
    FindingClass(UPPER, LANDMARKS, "retroflex-stomach"),
    FindingClass(UPPER, LANDMARKS, "z-line", "normal-z-line"),
    FindingClass(UPPER, PATHOLOGY, "barretts"),
    FindingClass(UPPER, PATHOLOGY, "barretts-short-segment", "short-segment-barretts"),
    FindingClass(UPPER, PATHOLOGY, "esophagitis-a", "oesophagitis-a"),
    FindingClass(UPPER, PATHOLOGY, "esophagitis-b-d", "oesophagitis-b-d"),
)

NEVER_NEGATIVE = frozenset({"polyps", "dyed-lifted-polyps", "dyed-resection-margins"})
"""Findings that may show polyps, their remains or instruments, so they never prove the absence of polyps."""

ORGAN_FOLDERS: Mapping[str, str] = {"lower-gi-tract": LOWER, "upper-gi-tract": UPPER}

_BY_NAME: Mapping[str, FindingClass] = {
    name: item for item in CLASSES for name in (item.finding, item.alias) if name is not None
}


def find_class(name: str) -> FindingClass | None:
    """Return the class named ``name`` in either naming scheme, or None."""
    return _BY_NAME.get(name.strip())


def canonical_finding(name: str) -> str | None:
    """Return the label table's name of a finding in either naming scheme, or None if it is unknown."""
    found = find_class(name)
    return None if found is None else found.finding
