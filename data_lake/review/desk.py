"""Prepare what the desk shows of a release: the queue, and each finding with picture, objects, text and relatives.

Coordinates are pixels of the original image; labels are keys of the recipe's labels.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import polars as pl

from medmultipoints.data_lake.release.read.released_tables import read_parquet
from medmultipoints.data_lake.release.write.manifest import read_manifest
from medmultipoints.data_lake.report.materials import quarantine_table
from medmultipoints.data_lake.review.pictures import Pictures
from medmultipoints.data_lake.review.witness_queue import (
    doubt_findings,
    proposal_findings,
    proposed_images,
    read_proposals,
)
from medmultipoints.transforms.audit.decisions import PROPOSAL
from medmultipoints.transforms.audit.text_findings import SAID_OTHER, SAME_FRAME
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.masks.outlines import Polygon, simplify_outlines, trace_outlines
from medmultipoints.transforms.masks.run_lengths import decode_rle
from medmultipoints.transforms.records import Box
from medmultipoints.transforms.reporting.choices import worst_first
from medmultipoints.transforms.review.difference import describe_difference, describe_kind, describe_privacy
from medmultipoints.transforms.review.entries import Seen
from medmultipoints.transforms.review.sampling import draw_order

Row = dict[str, Any]
NEIGHBOURS: Final = 8
STRIP: Final = 4
"""Frames of the video that are shown before and after a frame."""
OUTLINE_PX: Final = 1.0
"""Outlines to be edited have fewer corners; they are off by at most so much, and only an edited one is used."""
SAMPLE_KIND: Final = "sample"


class Desk:
    """A release to review. ``sample``: the number of records to draw for checking, with ``seed``."""

    def __init__(self, folder: Path, *, sample: int = 0, seed: int = 0) -> None:
        self.folder, self.manifest = folder, read_manifest(folder)
        manifest = self.manifest
        self.pictures = Pictures(folder, manifest)
        self.seed = seed
        names: Mapping[str, str] = manifest.recipe.get("labels", {}).get("names", {})
        self._keys = {released: key for key, released in sorted(names.items(), reverse=True)}
        images = read_parquet(folder, manifest, "images")
        self._images = {row["sample_id"]: row for row in images.iter_rows(named=True)}
        self._objects = read_parquet(folder, manifest, "objects").partition_by("sample_id", as_dict=True)
        self._near = quarantine_table(folder, manifest, "near_duplicates")
        self._proposals = read_proposals(folder, manifest)
        self._proposed = proposed_images(self._proposals)
        findings = worst_first(quarantine_table(folder, manifest, "disagreements")).to_dicts()
        findings += [*doubt_findings(quarantine_table(folder, manifest, "doubts"), self._keys)]
        findings += [*proposal_findings(self._proposals, self._keys)]
        records = read_parquet(folder, manifest, "data").select("record_id", "sample_id", "label").rows()
        self.records = len(records)
        unnamed = {label for *_, label in records} - set(names.values())  # labels that the recipe does not rename
        self.released = sorted({self.key_of(label) for *_, label in records})
        self.labels = sorted({*names, *unnamed})
        self.findings: dict[str, Row] = {row["finding_id"]: row for row in [*self._drawn(records, sample), *findings]}

    @property
    def waiting(self) -> int:
        """The number of undecided findings, except harmless ones and those whose picture is not released."""
        grave = [one for one in self.findings.values() if one["severity"] != "info"]
        return sum(self.image(one["sample_id"]) is not None for one in grave)

    def finding(self, name: str) -> Row:
        """Return a finding; DataError for an unknown name."""
        if name not in self.findings:
            raise DataError(f"{name} is not a finding of {self.manifest.title}. Reload the page.")
        return self.findings[name]

    def image(self, sample_id: str) -> Row | None:
        """Return the row of a released image, or of one with a proposal."""
        return self._images.get(sample_id) or self._proposed.get(sample_id)

    def images(self) -> list[Row]:
        """Return the rows of all released images, sorted by name."""
        return [self._images[name] for name in sorted(self._images)]

    def seen(self, sample_id: str) -> list[Seen]:
        """Return the objects of an image as they are released."""
        return [
            Seen(object_id=row["object_id"], label=self.key_of(row["label"]), box=_original(row, scale), rle=row["rle"])
            for row, scale in self._rows(sample_id)
        ]

    def key_of(self, released: str) -> str:
        """Return the label of the recipe that is released under this name."""
        return self._keys.get(released, released)

    def show(self, finding: Row) -> Row:
        """Return a finding with everything shown about it except decisions."""
        image = self.image(finding["sample_id"])
        own = {
            name: finding[name] for name in ("finding_id", "kind", "severity", "label", "sample_id", "detail", "action")
        }
        own |= {"source": finding["source_box"], "derived": finding["derived_box"]}
        proposed = finding["kind"] == PROPOSAL  # its box is derived from no source
        words = describe_kind(finding["kind"])
        words += [] if proposed else describe_difference(finding["source_box"], finding["derived_box"])
        words += describe_privacy(finding["kind"], self.manifest.recipe.get("privacy", {}))
        if image is None:
            empty: Row = {name: [] for name in ("objects", "neighbours", "strip", "places")}
            return own | empty | {"words": words, "image_sha256": None, "twin": None}
        return own | {
            "words": words,
            "image_sha256": image["image_sha256"],
            "size": [image["original_width"], image["original_height"]],
            "scale": image["scale"],
            "split": image["split"],
            "has_picture": image["image_sha256"] in self.pictures,
            "objects": self.objects(finding["sample_id"]) + self.proposed(finding),
            "places": [[side / image["scale"] for side in box] for box in finding.get("places") or ()],
            "twin": self.twin(finding),
            "neighbours": self.neighbours(finding["sample_id"]),
            "strip": self.strip(image),
        }

    def objects(self, sample_id: str) -> list[Row]:
        """Return the objects of an image with the outlines of their masks."""
        image = self.image(sample_id)
        size = (image["original_width"], image["original_height"]) if image else (0, 0)
        return [
            {
                "id": row["object_id"],
                "label": self.key_of(row["label"]),
                "evidence": row["evidence"],
                "track": row["track_id"],
                "area_px": row["area_px"],
                "box": _sides(_original(row, scale)),
                "outlines": outlines_of(row["rle"], size) if row["rle"] else None,
            }
            for row, scale in self._rows(sample_id)
        ]

    def proposed(self, finding: Row) -> list[Row]:
        """Return the object of a proposal with its outlines; none for other findings."""
        row = self.proposal(finding)
        if row is None:
            return []
        size = row["original_width"], row["original_height"]
        return [
            {"id": row["proposal_id"], "label": finding["label"], "evidence": "model", "track": None}
            | {"area_px": row["area_px"], "box": finding["derived_box"], "outlines": outlines_of(row["rle"], size)}
        ]

    def proposal(self, finding: Row) -> Row | None:
        """Return the proposal that a finding is about."""
        return self._proposals.get(finding["finding_id"]) if finding["kind"] == PROPOSAL else None

    def neighbours(self, sample_id: str) -> list[Row]:
        """Return the near-duplicates of an image, closest first, each with its distance and evidence."""
        own = self._near.filter((pl.col("sample_id") == sample_id) | (pl.col("other_id") == sample_id))
        rows = own.sort("distance", "pair_id").head(NEIGHBOURS).iter_rows(named=True)
        pairs = [(row, row["other_id"] if row["sample_id"] == sample_id else row["sample_id"]) for row in rows]
        return [
            self._small(image) | {"distance": row["distance"], "evidence": row["evidence"]}
            for row, name in pairs
            if (image := self.image(name))
        ]

    def twin(self, finding: Row) -> Row | None:
        """Return the other picture of a finding about one frame in two pictures."""
        other = SAID_OTHER.match(finding["detail"] or "")
        image = self.image(other[1]) if other and finding["kind"] in SAME_FRAME else None
        return self._small(image) if image else None

    def strip(self, image: Row) -> list[Row]:
        """Return the frames of a video around a frame, itself included."""
        if image["video_id"] is None:
            return []
        frames = self._videos[image["source"], image["video_id"]]
        place = frames.index(image["sample_id"])
        return [self._small(self._images[name]) for name in frames[max(place - STRIP, 0) : place + STRIP + 1]]

    @cached_property
    def _videos(self) -> dict[tuple[str, str], list[str]]:
        """The frames of each video in order."""
        found: dict[tuple[str, str], list[str]] = {}
        rows = [row for row in self._images.values() if row["video_id"] is not None]
        for row in sorted(rows, key=lambda row: (row["frame_index"] or 0, row["sample_id"])):
            found.setdefault((row["source"], row["video_id"]), []).append(row["sample_id"])
        return found

    def _small(self, image: Row) -> Row:
        names = ("sample_id", "image_sha256", "split", "frame_index")
        boxes = [
            [row["label"], _sides(_original(row, scale)), row["track_id"]]
            for row, scale in self._rows(image["sample_id"])
        ]
        size = [image["original_width"], image["original_height"]]
        return {name: image[name] for name in names} | {"size": size, "boxes": boxes}

    def _rows(self, sample_id: str) -> list[tuple[Row, float]]:
        own = self._objects.get((sample_id,))
        scale = self._images[sample_id]["scale"] if sample_id in self._images else 1.0
        return [] if own is None else [(row, scale) for row in own.sort("label", "index").iter_rows(named=True)]

    def _drawn(self, records: Sequence[tuple[str, str, str]], number: int) -> list[Row]:
        """Return the records to check, as items of the queue."""
        by_name = {record_id: (sample_id, label) for record_id, sample_id, label in records}
        rows = []
        for place, name in enumerate(draw_order(by_name, self.seed)[:number]):
            sample_id, label = by_name[name]
            rows.append(
                dict.fromkeys(("source_box", "derived_box", "iou", "side_px"))
                | {"finding_id": f"{SAMPLE_KIND}:{name}", "record_id": name, "sample_id": sample_id, "place": place}
                | {
                    "image_sha256": self._images[sample_id]["image_sha256"],
                    "kind": SAMPLE_KIND,
                    "severity": SAMPLE_KIND,
                }
                | {"label": self.key_of(label), "detail": "Drawn at random: is all of it right?", "action": "released"}
            )
        return rows


def outlines_of(rle: str, size: tuple[int, int]) -> list[Polygon]:
    """Return the outlines of a mask to draw and edit; ``size`` is width and height."""
    return list(simplify_outlines(trace_outlines(decode_rle(rle, size[1], size[0])), OUTLINE_PX))


def _original(row: Row, scale: float) -> Box:
    return Box(*(round(row[side] / scale, 3) for side in ("x1", "y1", "x2", "y2")))


def _sides(box: Box) -> list[float]:
    return [box.x1, box.y1, box.x2, box.y2]
