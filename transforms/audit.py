"""The label audit: the boxes of a source held against boxes derived from its masks."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from transforms.box_findings import SEVERITIES, Finding, Kind, check_alone, compare_boxes
from transforms.boxes import iou
from transforms.matching import match_boxes
from transforms.object_rows import Policy
from transforms.records import Box

SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "finding_id": pl.String,
    "sample_id": pl.String,
    "source": pl.String,
    "stem": pl.String,
    "image_sha256": pl.String,
    "kind": pl.String,
    "severity": pl.String,
    "label": pl.String,
    "source_box": pl.List(pl.Float64),
    "derived_box": pl.List(pl.Float64),
    "iou": pl.Float64,
    "side_px": pl.Float64,
    "action": pl.String,
}
SPECK_KINDS: dict[str, Kind] = {"stray_pixel": "stray_pixel", "below_min_area": "speck"}
PUBLISHED_ACTION = "source box is kept as published"
AUDITED_ACTION = "box derived from the mask is used"
SPECK_ACTION = "the pixels are left out: too few to be an object"
Row = dict[str, Any]
BoxesByLabel = dict[str, tuple[list[Box], list[Box]]]


@dataclass(frozen=True, slots=True)
class Convention:
    """What to add to a half-open box to get the source's numbers, cut at 0; ``share`` of the pairs follow it."""

    dx1: float
    dy1: float
    dx2: float
    dy2: float
    share: float


def audit_boxes(
    images: pl.DataFrame, samples: pl.DataFrame, regions: pl.DataFrame, specks: pl.DataFrame, *, policy: Policy
) -> pl.DataFrame:
    """The table ``disagreements`` of ``images``: what their sources' boxes get wrong, and every dropped speck.

    Boxes are compared where the source gives a mask and a word on boxes (an entry, be it an empty one), by
    the rules of ``transforms.box_findings.compare_boxes``, per image and label. Source boxes without a mask
    are only looked at by themselves; tracks are not. Boxes in pixels of the original image.
    """
    facts = images.join(samples.drop("source"), on="sample_id", validate="1:1").sort("sample_id")
    boxes = _collect_boxes(regions.join(facts, on="sample_id", how="semi"))
    dropped = _collect_specks(specks.join(facts, on="sample_id", how="semi"))
    rows = [
        row
        for image in facts.iter_rows(named=True)
        for row in _number(image, _audit_image(image, boxes, dropped), policy)
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row").sort("finding_id")


def estimate_convention(pairs: Iterable[tuple[Box, Box]]) -> Convention | None:
    """The most frequent difference (source's numbers - half-open box) of matched pairs; None without pairs.

    ``share`` counts the pairs that the convention explains, an edge cut at 0 included. Of equally frequent
    differences the smallest wins. For HyperKvasir's JSON: (-1, -1, 0, 0).
    """
    sides = [(_sides(source), _sides(own)) for source, own in pairs]
    if not sides:
        return None
    counted = Counter(tuple(a - b for a, b in zip(source, own, strict=True)) for source, own in sides)
    best = min(counted, key=lambda offset: (-counted[offset], sum(map(abs, offset)), offset))
    explained = sum(
        all(a == max(b + step, 0) for a, b, step in zip(source, own, best, strict=True)) for source, own in sides
    )
    dx1, dy1, dx2, dy2 = best
    return Convention(dx1, dy1, dx2, dy2, explained / len(sides))


def match_regions(regions: pl.DataFrame) -> list[tuple[Box, Box]]:
    """Source boxes in the source's numbers, each with its mask box: one to one, per image and label.

    Only pairs whose intersection is half of their union: material for ``estimate_convention``, in order of sample_id.
    """
    found = _collect_boxes(regions)
    return [
        (stated[i], derived[j])
        for sample_id in sorted(found)
        for _, (stated, derived) in sorted(found[sample_id].items())
        for i, j in match_boxes(stated, derived, score=iou, at_least=0.5)
    ]


def _collect_boxes(regions: pl.DataFrame) -> dict[str, BoxesByLabel]:
    """Per image and label: source boxes in their own convention, and mask boxes, each in order of index."""
    chosen = regions.filter(pl.col("evidence").is_in(["source", "mask"])).sort(
        "sample_id", "label", "evidence", "index"
    )
    found: dict[str, BoxesByLabel] = {}
    for sample_id, label, evidence, *sides in chosen.select(
        "sample_id", "label", "evidence", "x1", "y1", "x2", "y2"
    ).iter_rows():
        stated, derived = found.setdefault(sample_id, {}).setdefault(label, ([], []))
        (stated if evidence == "source" else derived).append(Box(*sides))
    return found


def _collect_specks(specks: pl.DataFrame) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    ordered = specks.sort("sample_id", "y1", "x1", "y2", "x2")
    for sample_id, reason, *sides in ordered.select("sample_id", "reason", "x1", "y1", "x2", "y2").iter_rows():
        kind = SPECK_KINDS[reason]
        found.setdefault(sample_id, []).append(Finding(kind, SEVERITIES[kind], derived_box=Box(*sides)))
    return found


def _audit_image(
    image: Row, boxes: dict[str, BoxesByLabel], dropped: dict[str, list[Finding]]
) -> Iterator[tuple[str, Finding]]:
    """Label and finding, in a fixed order."""
    own = boxes.get(image["sample_id"], {})
    stated_at_all = image["source_width"] is not None or any(stated for stated, _ in own.values())
    size = image["original_width"], image["original_height"]
    for label, (stated, derived) in own.items():
        if image["mask_member"] is None:
            yield from ((label, finding) for finding in check_alone(stated, *size))
        elif stated_at_all:
            yield from ((label, finding) for finding in compare_boxes(stated, derived, *size))
    speck_label = image["mask_label"] or next(iter(own), "")
    yield from ((speck_label, finding) for finding in dropped.get(image["sample_id"], ()))


def _number(image: Row, findings: Iterable[tuple[str, Finding]], policy: Policy) -> Iterator[tuple[Any, ...]]:
    """The rows of one image; findings of one kind are numbered from 0."""
    seen: Counter[str] = Counter()
    for label, finding in findings:
        yield (
            f"{image['sample_id']}:{finding.kind}:{seen[finding.kind]}",
            *(image[name] for name in ("sample_id", "source", "stem", "image_sha256")),
            finding.kind,
            finding.severity,
            label,
            finding.source_box and _sides(finding.source_box),
            finding.derived_box and _sides(finding.derived_box),
            finding.iou,
            finding.side_px,
            _describe_action(finding, policy, image["mask_member"] is not None),
        )
        seen[finding.kind] += 1


def _describe_action(finding: Finding, policy: Policy, has_mask: bool) -> str:
    if finding.kind in SPECK_KINDS.values():
        return SPECK_ACTION
    if policy == "published":
        return PUBLISHED_ACTION if finding.source_box else "no box is added: the source has none"
    if not has_mask:
        return "source box is left out: there is no mask to derive a box from"
    if finding.kind in ("phantom", "extra"):
        return "source box is left out: the mask has no object of its own there"
    return AUDITED_ACTION


def _sides(box: Box) -> list[float]:
    return [float(side) for side in (box.x1, box.y1, box.x2, box.y2)]
