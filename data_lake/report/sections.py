"""Turn materials into plain values for the template, section by section."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from medmultipoints.data_lake.release.card.card import describe_convention
from medmultipoints.data_lake.release.read.json_files import recipe_value
from medmultipoints.data_lake.report.correction_entries import values_of
from medmultipoints.data_lake.report.figures import finding_figure, image_figure, record_figure, said_box
from medmultipoints.data_lake.report.materials import Album, Materials, boxes_of_label
from medmultipoints.data_lake.report.privacy import privacy
from medmultipoints.transforms.audit.findings import to_decide
from medmultipoints.transforms.audit.text_findings import SAID_OTHER, SAME_FRAME
from medmultipoints.transforms.compose.stats import count_images, note_groups
from medmultipoints.transforms.diff.changes import Change, Corners, Example
from medmultipoints.transforms.reporting.choices import (
    choose_records,
    clusters_of,
    count_findings,
    drawn_once,
    some_of_each_kind,
    worst_first,
)
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.reporting.drawing import Figure
from medmultipoints.transforms.reporting.histograms import bars, image_sizes, object_counts, object_sizes, split_shares
from medmultipoints.transforms.reporting.timelines import Timeline, timelines
from medmultipoints.transforms.splits.leakage import count_shared
from medmultipoints.transforms.splits.official import order_of

GALLERY: Final = 12
FIRST_PICTURES: Final = 3
PICTURED: Final = 36
CLUSTERS: Final = 20
PER_CLUSTER: Final = 6
VIDEOS: Final = 6
NEAREST: Final = 6
EXAMPLES: Final = 6
MOST_MOVES: Final = 40
MOST_ROWS: Final = 10_000
"""Rows of a table that a page holds; the whole is in the release."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A long table that a page shows in parts; ``total`` is larger if the page does not hold all rows.

    ``entries`` are, row by row, the values of a correction; None if no correction is possible. The first ``foremost``
    rows are shown until all are asked for; None shows all.
    """

    name: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    total: int
    file: str
    entries: tuple[dict[str, Any] | None, ...] = field(default=())
    foremost: int | None = None


_FORMLESS: Final = pl.col("reason").str.starts_with("no_form_in_")
"""Instructions that a dialect has no form for: they are in the release, so nothing is lost."""
_LOST: Final = ~_FORMLESS & (pl.col("reason") != "not_part_of_the_dataset")
"""Inputs that could have been in the release: a licence file of an archive is none."""


def summary(own: Materials) -> dict[str, Any]:
    """Return the numbers at the top: amounts and outcomes."""
    tables, manifest = own.tables, own.manifest
    findings = own.found["disagreements"]
    excluded = own.found["exclusions"]
    left_out = excluded.filter((pl.col("verdict") == "dropped") & _LOST)
    return {
        "numbers": [
            ("images", tables.images.height),
            ("records", tables.records.height),
            ("objects", tables.objects.height),
            ("instructions", tables.instructions.height),
            ("groups that share a split", tables.images["group_id"].n_unique()),
            ("size in MB", round(sum(file.bytes for file in manifest.files) / 1e6)),
        ],
        "leaks": find_leaks(own),
        "certified": own.leakage is not None,
        "ungrouped": note_groups(tables.images),
        "errors": findings.filter(pl.col("severity") == "error").height,
        "warnings": findings.filter(pl.col("severity") == "warning").height,
        "elsewhere": findings.filter(pl.col("severity") != "info").height - to_decide(findings, tables.images).height,
        "rejected": excluded.filter(pl.col("verdict") == "rejected").height,
        "dropped": left_out.height,
        "dropped_for": left_out["reason"]
        .value_counts(sort=True)
        .sort("count", "reason", descending=[True, False])
        .rows(),
        "privacy": privacy(own),
        "held_back": sum(table["held_back"] for table in own.expectations["tables"]) if own.expectations else None,
        "licences": tables.images["licence"].unique().sort().to_list(),
    }


def first_pictures(
    found: Mapping[str, Any], shown: Mapping[str, list[tuple[dict[str, Any], Figure]]]
) -> list[tuple[str, Figure]]:
    """Return three pictures with captions: the worst finding, then the fullest records of different labels."""
    worst = [
        (f"{row['severity']}: {row['kind'].replace('_', ' ')}", figure)
        for row, figure, _ in found["drawn"]
        if row["severity"] != "info"
    ]
    turns = [records[place] for place in range(GALLERY) for records in shown.values() if place < len(records)]
    typical = [(f"{record['label']}, count {record['count']}", figure) for record, figure in turns]
    return [*worst[:1], *typical][:FIRST_PICTURES]


def to_do(facts: Mapping[str, Any], release: str) -> list[tuple[str, str]]:
    """Return the next steps for the release: a sentence and its command, for a lake at its default path."""
    steps, place = [], f"lake/releases/{release}"
    name = release.partition("/")[0]
    if facts["leaks"]:
        steps.append(("Do not train on it: the splits leak. Build it again with one split for each group.", ""))
    if facts["privacy"]["untouched"]:
        words = "Decide whether the personal information under Privacy may stay. To blank it, build with this."
        lines = ["[privacy]", *(f'{kind} = "redact"' for kind in facts["privacy"]["untouched"])]
        if facts["privacy"]["files_alone"]:
            lines += ["", "[text]", 'readers = []  # metadata of files alone; "raster" and "ocr" search pixels']
        steps.append((words, "\n".join(lines)))
    if (doubtful := facts["errors"] + facts["warnings"]) > facts["elsewhere"]:
        words = f"Decide about {plural(doubtful, 'finding')} of the audit."
        if facts["elsewhere"]:
            words += f" ({facts['elsewhere']:,} of them about pictures that are not released: look at the quarantine.)"
        file = f"corrections/{name}.toml"
        steps.append((words, f"medmultipoints review serve {place} --corrections {file} --open"))
    if rejected := facts["rejected"]:
        words = f"Look at {plural(rejected, 'rejected input')}."
        steps.append((words, f"medmultipoints quarantine list --recipe {name}"))
    steps.append(("Check it again, with every picture.", f"medmultipoints verify {place} --leakage"))
    if not steps[:-1]:
        steps.append(("Publish it.", f"medmultipoints publish {place} --repo OWNER/NAME"))
    return steps


def find_leaks(own: Materials) -> dict[str, int]:
    """Return the number of leaks by kind: the larger of the certificate's and that of the release's rows."""
    split = own.tables.images.select("sample_id", "split")
    pairs = (
        own.found["near_duplicates"]
        .join(split, on="sample_id")
        .join(split.rename({"sample_id": "other_id", "split": "other_split"}), on="other_id")
    )
    apart = pairs.filter(pl.col("split") != pl.col("other_split")).height
    seen = count_shared(own.tables.images) | {"near_duplicates": apart}
    stated = own.leakage["leaks"] if own.leakage else {}
    most = {name: max(number, int(stated.get(name, 0))) for name, number in seen.items()}
    return {name: number for name, number in most.items() if number}


def gallery(own: Materials) -> dict[str, list[tuple[dict[str, Any], Figure]]]:
    """Return by label some drawn records."""
    chosen = choose_records(own.tables.records, GALLERY)
    return {
        label: [(record, record_figure(record, _objects(own, record_id=record["record_id"]))) for record in records]
        for label, records in chosen.items()
    }


def _objects(own: Materials, **wanted: str) -> list[dict[str, Any]]:
    """Return the objects with masks of a record or an image."""
    return own.tables.objects.filter(pl.col("rle").is_not_null(), **wanted).sort("object_id").to_dicts()


def videos(own: Materials) -> list[tuple[Timeline, Figure]]:
    """Return the longest videos over time, each with the paths of its tracks over its first frame."""
    found = []
    for line in timelines(own.tables.images, own.tables.objects, VIDEOS):
        paths = tuple(track.path for track in line.tracks)
        alt = f"{line.sample_id}: paths of {len(paths)} tracks over {len(line.frames)} frames"
        found.append((line, Figure(line.image_sha256, line.sample_id, line.width, line.height, alt, paths=paths)))
    return found


def histograms(own: Materials) -> dict[str, Any]:
    """Return counts and sizes."""
    return {
        "counts": object_counts(own.tables.records),
        "sizes": object_sizes(own.tables.objects),
        "images": image_sizes(own.tables.images),
    }


def balance(own: Materials) -> dict[str, Any]:
    """Return the shares of labels and sources over the splits, and images outside their stated split."""
    splits, rows = split_shares(own.tables.records)
    facts = own.found["split_changes"].group_by("stated_by", "stated_split", "split", "reason")
    moved = facts.agg(images=pl.len().cast(pl.Int64)).sort(pl.all()).head(MOST_MOVES).to_dicts()
    return {"splits": splits, "labels": rows, "sources": count_images(own.tables.images).to_dicts(), "moved": moved}


def findings(own: Materials, album: Album) -> dict[str, Any]:
    """Return the findings of the audit: counted, the worst ones drawn, all listed."""
    rows = worst_first(own.found["disagreements"])
    drawn: list[tuple[dict[str, Any], Figure, dict[str, Any]]] = []
    pictured = rows.filter(pl.col("kind") != "near_duplicate")
    for row in some_of_each_kind(drawn_once(pictured)).to_dicts():
        image = album.named(row["sample_id"])
        values = values_of(row, boxes_of_label(own, row))
        if image is not None and values is not None and len(drawn) < PICTURED:
            drawn.append((row, finding_figure(row, image, _objects(own, sample_id=row["sample_id"])), values))
    shown = rows.head(MOST_ROWS).to_dicts()
    return {
        "counted": count_findings(rows),
        "conventions": [describe_convention(row) for row in own.found["conventions"].sort("source").to_dicts()],
        "drawn": drawn,
        "listing": Listing(
            "findings",
            "All findings, worst first",
            ("severity", "finding", "image", "source box, px", "derived box, px", "IoU", "what was found and done"),
            tuple(_finding_row(row) for row in shown),
            rows.height,
            "quarantine/disagreements.parquet",
            tuple(values_of(row) for row in shown),
            sum(row["severity"] != "info" for row in shown),
        ),
    }


def _finding_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    boxes = (said_box(row[f"{kind}_box"]) if row[f"{kind}_box"] else "" for kind in ("source", "derived"))
    overlap = "" if row["iou"] is None else f"{row['iou']:.2f}"
    finding = ", ".join(part for part in (row["kind"].replace("_", " "), row["label"]) if part)
    words = ": ".join(part for part in (row["detail"], row["action"]) if part)
    return row["severity"], finding, row["sample_id"], *boxes, overlap, words


def corrections(own: Materials) -> dict[str, Any]:
    """Return the decisions of reviewers, and the withdrawn images."""
    rows = own.found["corrections"].sort("correction_id")
    names = ("action", "sample_id", "label", "kind", "reason", "reviewer", "date")
    shown = rows.select(pl.col(names).fill_null("")).head(MOST_ROWS)
    return {
        "listing": Listing(
            "decisions",
            "Decisions of reviewers",
            ("action", "image", "label", "finding", "reason", "reviewer", "date"),
            tuple(shown.iter_rows()),
            rows.height,
            "quarantine/corrections.parquet",
        ),
        "withdrawn": recipe_value(own.manifest, list, "corrections", "withdrawn") or (),
    }


def near_duplicates(own: Materials, album: Album) -> dict[str, Any]:
    """Return clusters of near-duplicate pictures, side by side."""
    clusters = clusters_of(own.found["near_duplicates"])
    shown = []
    for cluster in clusters[:CLUSTERS]:
        images = [image for name in cluster["ids"][:PER_CLUSTER] if (image := album.named(name))]
        shown.append(cluster | {"images": [(image, image_figure(image)) for image in images]})
    frames: list[tuple[dict[str, Any], list[tuple[dict[str, Any], Figure]]]] = []
    seen: set[frozenset[str]] = set()
    for row in own.found["disagreements"].filter(pl.col("kind").is_in(SAME_FRAME)).sort("iou", "finding_id").to_dicts():
        other = SAID_OTHER.match(row["detail"] or "")
        images = [image for name in (row["sample_id"], other and other[1]) if name and (image := album.named(name))]
        pair = frozenset(image["sample_id"] for image in images)
        if len(pair) == 2 and pair not in seen:
            seen.add(pair)
            frames.append(
                (row, [(one, image_figure(one, (), _objects(own, sample_id=one["sample_id"]))) for one in images])
            )
    return {
        "clusters": shown,
        "total": len(clusters),
        "pairs": own.found["near_duplicates"].height,
        "frames": frames[:CLUSTERS],
        "all_frames": len(frames),
    }


def leakage(own: Materials, album: Album) -> dict[str, Any] | None:
    """Return the certificate, with its nearest pictures of different splits side by side."""
    stated = own.leakage
    if stated is None:
        return None
    nearest = []
    for pair in stated["nearest_across_splits"][:NEAREST]:
        images = [album.named(pair[name]) for name in ("sample_id", "other_id")]
        nearest.append((pair, [(image, image_figure(image)) for image in images if image]))
    threshold = stated["search"]["threshold"]
    distances = [
        (bar, float(low) < threshold)
        for bar, (low, _) in zip(
            bars([(f"{low:.2f}", pairs) for low, pairs in stated["distances"]]), stated["distances"], strict=True
        )
    ]
    stated = stated | {"splits": sorted(stated["splits"], key=lambda row: order_of(row["split"]))}
    return {"stated": stated, "nearest": nearest, "distances": distances, "threshold": threshold}


def quarantine(own: Materials) -> dict[str, Any]:
    """Return the excluded inputs: counted by reason, and listed, rejected ones first."""
    rows = own.found["exclusions"].filter(~_FORMLESS).sort(["verdict", "exclusion_id"], descending=[True, False])
    formless = own.found["exclusions"].filter(_FORMLESS).group_by("reason").len("instructions").sort("reason")
    counted = rows.group_by("verdict", "stage", "reason").len("inputs").with_columns(pl.col("inputs").cast(pl.Int64))
    names = ("verdict", "stage", "reason", "source", "key", "detail")
    return {
        "formless": [(reason.removeprefix("no_form_in_"), int(count)) for reason, count in formless.iter_rows()],
        "counted": counted.sort(["verdict", "inputs", "reason"], descending=[True, True, False]).to_dicts(),
        "listing": Listing(
            "exclusions",
            "All inputs that yielded nothing, rejected ones first",
            ("verdict", "stage", "reason", "source", "input", "what happened"),
            tuple(rows.select(names).head(MOST_ROWS).iter_rows()),
            rows.height,
            "quarantine/exclusions.parquet",
        ),
    }


def changes(
    stated: Mapping[str, Any] | None, album: Album, left_out: Mapping[str, str] | None = None
) -> dict[str, Any] | None:
    """Return a difference with a drawing for each example of an image.

    ``left_out``: by image, the reason why the newer release does not contain it.
    """
    if stated is None:
        return None
    rows = [_changed(change, album, left_out or {}) for change in stated["changes"]]
    return {**stated, "changes": rows}


def _changed(change: Mapping[str, Any], album: Album, left_out: Mapping[str, str]) -> dict[str, Any]:
    """Return one change with its lines, and drawings with captions; removed pictures are marked."""
    examples = change["examples"][:EXAMPLES]
    known = Change(change["kind"], change["count"], tuple(Example(**one) for one in examples))
    lines = [known.short(one) for one in known.examples]
    gone = [left_out.get(one.image or "", "") if change["kind"] == "images_lost" else "" for one in known.examples]
    figures = [_drawn(example, album) for example in examples]
    drawn = [(line, why, figure) for line, why, figure in zip(lines, gone, figures, strict=True) if figure]
    return {**change, "counted": known.counted, "drawn": drawn, "lines": lines, "gone": any(gone)}


def _drawn(example: Mapping[str, Any], album: Album) -> Figure | None:
    image = album.image(example.get("image_sha256"))
    boxes: list[tuple[str, Corners]] = [
        (name, tuple(example[name])) for name in ("after", "before") if example.get(name)
    ]
    return image_figure(image, boxes) if image is not None else None
