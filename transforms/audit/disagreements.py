"""Compare the boxes of a source with the boxes derived from its masks."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple
from typing import Any

import numpy as np
import polars as pl

from medmultipoints.transforms.audit.box_findings import SEVERITIES, Finding, Kind, Setting, check_alone, compare_boxes
from medmultipoints.transforms.audit.conventions import HALF_OPEN, Convention, Pairs, estimate_convention
from medmultipoints.transforms.audit.findings import FINDINGS, as_findings
from medmultipoints.transforms.columns.tables import column_names, schema_of
from medmultipoints.transforms.compose.policy import Policy
from medmultipoints.transforms.records import SIDES, Box
from medmultipoints.transforms.regions.boxes import iou
from medmultipoints.transforms.regions.matching import match_boxes

CONVENTIONS = schema_of("conventions")
COMPARED = [name for name in FINDINGS if name not in ("detail", "places")]
"""The columns filled by a comparison of boxes."""
IMAGES_AT_ONCE = 20_000
SPECK_KINDS: dict[str, Kind] = {"stray_pixel": "stray_pixel", "below_min_area": "speck"}
PUBLISHED_ACTION = "source box is kept as published"
AUDITED_ACTION = "box derived from the mask is used"
SPECK_ACTION = "the pixels are left out: too few to be an object"
Row = dict[str, Any]
BoxesByLabel = dict[str, tuple[list[Box], list[Box]]]


def estimate_conventions(images: pl.DataFrame, regions: pl.LazyFrame) -> pl.DataFrame:
    """Return the table ``conventions``: the estimated box convention of each source with boxes.

    ``images`` are sorted by sample_id; the objects of some thousand are in memory at once, and 64 bytes of each pair.
    """
    stated = pl.col("evidence") == "source"
    boxes = regions.filter(stated | (pl.col("evidence") == "mask")).select(column_names("regions", "compared"))
    pairs: dict[str, list[Pairs]] = {}
    for part in images.select("sample_id").iter_slices(IMAGES_AT_ONCE):
        between = pl.col("sample_id").is_between(pl.lit(part["sample_id"][0]), pl.lit(part["sample_id"][-1]))
        own = boxes.filter(between).collect(engine="streaming").join(part, on="sample_id", how="semi")
        compared = own.filter(stated.any().over("sample_id"))
        for (source,), rows in compared.partition_by("source", as_dict=True).items():
            matched = np.array(match_regions(rows), np.float64).reshape(-1, 2, len(SIDES))
            pairs.setdefault(str(source), []).append(matched)
    estimates = {source: estimate_convention(np.concatenate(matched)) for source, matched in sorted(pairs.items())}
    found = [(source, *astuple(one.convention), one.pairs, one.explained) for source, one in estimates.items()]
    return pl.DataFrame(found, schema=CONVENTIONS, orient="row")


def audit_boxes(
    images: pl.DataFrame,
    samples: pl.DataFrame,
    regions: pl.DataFrame,
    specks: pl.DataFrame,
    *,
    policy: Policy,
    conventions: pl.DataFrame,
) -> pl.DataFrame:
    """Return the findings about boxes of ``images``: wrong source boxes, and every dropped speck.

    If the source gives a mask and an entry for boxes (even an empty one), boxes are compared per image and label by
    ``transforms.audit.box_findings.compare_boxes``, in the source's own of the ``conventions``. Source boxes without a
    mask are checked alone. Coordinates are pixels of the original image.
    """
    own, stated = images.select(column_names("images", "audited")), samples.select(column_names("samples", "audited"))
    facts = own.join(stated, on="sample_id", validate="1:1").sort("sample_id")
    boxes = _collect_boxes(regions.join(facts, on="sample_id", how="semi"))
    dropped = _collect_specks(specks.join(facts, on="sample_id", how="semi"))
    estimated = {source: Convention(*steps) for source, *steps, _, _ in conventions.select(*CONVENTIONS).iter_rows()}
    rows = [
        row
        for image in facts.iter_rows(named=True)
        for row in _number(image, _audit_image(image, boxes, dropped, estimated), policy)
    ]
    found = pl.DataFrame(rows, schema={name: FINDINGS[name] for name in COMPARED}, orient="row")
    return as_findings(found).sort("finding_id")


def match_regions(regions: pl.DataFrame) -> list[tuple[Box, Box]]:
    """Return pairs of source box (in the source's numbers) and mask box, matched one to one per image and label.

    Only pairs with an IoU of at least 0.5, in order of sample_id: the input of ``estimate_convention``.
    """
    found = _collect_boxes(regions)
    return [
        (stated[i], derived[j])
        for sample_id in sorted(found)
        for _, (stated, derived) in sorted(found[sample_id].items())
        for i, j in match_boxes(stated, derived, score=iou, at_least=0.5)
    ]


def _collect_boxes(regions: pl.DataFrame) -> dict[str, BoxesByLabel]:
    """Return the source boxes, in their own convention, and the mask boxes by image and label, in order of index."""
    chosen = regions.filter(pl.col("evidence").is_in(["source", "mask"])).sort(
        "sample_id", "label", "evidence", "index"
    )
    found: dict[str, BoxesByLabel] = {}
    for sample_id, label, evidence, *sides in chosen.select("sample_id", "label", "evidence", *SIDES).iter_rows():
        stated, derived = found.setdefault(sample_id, {}).setdefault(label, ([], []))
        (stated if evidence == "source" else derived).append(Box(*sides))
    return found


def _collect_specks(specks: pl.DataFrame) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    ordered = specks.sort("sample_id", "y1", "x1", "y2", "x2")
    for sample_id, reason, *sides in ordered.select("sample_id", "reason", *SIDES).iter_rows():
        kind = SPECK_KINDS[reason]
        found.setdefault(sample_id, []).append(Finding(kind, SEVERITIES[kind], derived_box=Box(*sides)))
    return found


def _audit_image(
    image: Row,
    boxes: dict[str, BoxesByLabel],
    dropped: dict[str, list[Finding]],
    conventions: Mapping[str, Convention],
) -> Iterator[tuple[str, Finding]]:
    """Yield (label, finding) pairs in a fixed order."""
    own = boxes.get(image["sample_id"], {})
    stated_at_all = image["source_width"] is not None or any(stated for stated, _ in own.values())
    convention = conventions.get(image["source"], HALF_OPEN)
    setting = Setting(image["original_width"], image["original_height"], convention)
    for label, (stated, derived) in own.items():
        if image["mask_member"] is None:
            yield from ((label, finding) for finding in check_alone(stated, setting))
        elif stated_at_all:
            yield from ((label, finding) for finding in compare_boxes(stated, derived, setting))
    speck_label = image["mask_label"] or next(iter(own), "")
    yield from ((speck_label, finding) for finding in dropped.get(image["sample_id"], ()))


def _number(image: Row, findings: Iterable[tuple[str, Finding]], policy: Policy) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of one image; findings of each kind are numbered from 0."""
    seen: Counter[str] = Counter()
    for label, finding in findings:
        yield (
            f"{image['sample_id']}:{finding.kind}:{seen[finding.kind]}",
            *(image[name] for name in ("sample_id", "source", "stem", "image_sha256")),
            finding.kind,
            finding.severity,
            label,
            finding.source_box and list(map(float, finding.source_box)),
            finding.derived_box and list(map(float, finding.derived_box)),
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
