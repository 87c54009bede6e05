"""Check that both outputs hold the same boxes and picture bytes, before times are compared."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

TOLERANCE_PX = 1e-6
LabelledBox = tuple[str, float, float, float, float]


def compare_outputs(release: Path, baseline: Path) -> dict[str, int]:
    """Return the numbers of equal images, boxes and bytes; raise AssertionError for the first difference.

    Images without annotation are not released, so the baseline may have more images, but only without boxes.
    """
    ours, theirs = released_boxes(release), baseline_boxes(baseline)
    for stem, boxes in theirs.items():
        assert_same_boxes(stem, ours.get(stem, []), boxes)
    assert set(ours) <= set(theirs), f"the baseline lacks {sorted(set(ours) - set(theirs))[:3]}"
    own, other = dict(released_digests(release)), dict(digests([baseline], "id"))
    differing = [stem for stem, found in own.items() if other.get(stem) != found]
    assert not differing, f"{differing[0]} and {len(differing) - 1} more images have other bytes"
    return {
        "images": len(own),
        "images_without_annotation": len(other) - len(own),
        "boxes": sum(map(len, ours.values())),
        "image_bytes": sum(size for _, size in own.values()),
    }


def assert_same_boxes(stem: str, ours: list[LabelledBox], theirs: list[LabelledBox]) -> None:
    """Raise AssertionError unless both have the same labels and edges, in any order."""
    assert len(ours) == len(theirs), f"{stem}: {len(ours)} boxes here, {len(theirs)} in the baseline"
    for (label, *box), (other_label, *other) in zip(sorted(ours), sorted(theirs), strict=True):
        near = label == other_label and all(abs(a - b) <= TOLERANCE_PX for a, b in zip(box, other, strict=True))
        assert near, f"{stem}: {label} {box} here, {other_label} {other} in the baseline"


def released_boxes(release: Path) -> dict[str, list[LabelledBox]]:
    """Return the boxes of each released image by stem, from the table of objects."""
    columns = ("sample_id", "label", "x1", "y1", "x2", "y2")
    found: dict[str, list[LabelledBox]] = {}
    for sample_id, *box in pl.read_parquet(release / "objects/*.parquet", columns=list(columns)).iter_rows():
        found.setdefault(sample_id.partition("/")[2], []).append(tuple(box))
    return found


def baseline_boxes(path: Path) -> dict[str, list[LabelledBox]]:
    """Return the boxes of each baseline image by stem."""
    rows = pl.read_parquet(path, columns=["id", "labels", "boxes"]).iter_rows()
    return {stem: [(label, *box) for label, box in zip(labels, boxes, strict=True)] for stem, labels, boxes in rows}


def released_digests(release: Path) -> Iterator[tuple[str, tuple[str, int]]]:
    """Yield the sha256 and size of each picture by stem, from the bytes in the records."""
    return digests(sorted((release / "data").glob("*.parquet")), "stem")


def digests(paths: list[Path], key: str) -> Iterator[tuple[str, tuple[str, int]]]:
    """Yield the sha256 and size of the pictures in Parquet files, row group by row group."""
    for path in paths:
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                for row in file.read_row_group(group, columns=[key, "image"]).to_pylist():
                    yield row[key], _digest(row["image"])


def _digest(image: Mapping[str, bytes]) -> tuple[str, int]:
    return hashlib.sha256(image["bytes"]).hexdigest(), len(image["bytes"])
