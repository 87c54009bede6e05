"""Convert derived samples to the columns of their tables."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from operator import attrgetter

import numpy as np

from medmultipoints.transforms.columns.record_columns import Columns, collect, region_columns
from medmultipoints.transforms.pictures.thumbnails import gray_levels, perceptual_hashes, unpack
from medmultipoints.transforms.records import SIDES
from medmultipoints.transforms.regions.derive import Derived, ImageFacts


def image_columns(derived: Sequence[Derived]) -> Columns:
    """Return the table ``images``, column by column; thumbnails hashed together take a tenth of the time."""
    columns = collect(
        [found.image for found in derived], {field.name: attrgetter(field.name) for field in fields(ImageFacts)}
    )
    return columns | {"perceptual_hash": perceptual_hashes(unpack([found.thumbnail for found in derived]))}


def thumbnail_columns(derived: Sequence[Derived]) -> Columns:
    """Return the table ``thumbnails``, column by column."""
    small = [found.thumbnail for found in derived]
    level, spread = gray_levels(unpack(small))
    return {
        "sample_id": [found.image.sample_id for found in derived],
        "thumbnail": small,
        "level": level.tolist(),
        "spread": spread.tolist(),
    }


def derived_region_columns(derived: Iterable[Derived]) -> Columns:
    """Return the table ``regions`` without the objects of label files, column by column."""
    pairs = [(region, found.image) for found in derived for region in found.regions]
    columns = region_columns([region for region, _ in pairs])
    columns["source"] = [image.source for _, image in pairs]
    columns["image_width"] = [image.original_width for _, image in pairs]
    columns["image_height"] = [image.original_height for _, image in pairs]
    return columns


def track_columns(derived: Iterable[Derived]) -> Columns:
    """Return the objects of label files as columns of the table ``regions``; missing columns are null."""
    pairs = [(found.image, found.tracks) for found in derived if found.tracks]
    images = [image for image, rows in pairs for _ in rows.labels]
    numbers = [index for _, rows in pairs for index in range(len(rows.labels))]
    labels = [label for _, rows in pairs for label in rows.labels]
    boxes = np.concatenate([np.empty((0, 4)), *(rows.boxes for _, rows in pairs)])
    ids = [image.sample_id for image in images]
    return {
        "region_id": [f"{one}:track:{label}:{index}" for one, label, index in zip(ids, labels, numbers, strict=True)],
        "sample_id": ids,
        "source": [image.source for image in images],
        "evidence": ["track"] * len(images),
        "label": labels,
        "index": numbers,
        **dict(zip(SIDES, boxes.T.tolist(), strict=True)),
        "track_id": [track_id for _, rows in pairs for track_id in rows.track_ids],
        "truncated": [cut for _, rows in pairs for cut in rows.truncated.tolist()],
        "image_width": [image.original_width for image in images],
        "image_height": [image.original_height for image in images],
    }


def speck_columns(derived: Iterable[Derived]) -> Columns:
    """Return the table ``specks``, column by column."""
    rows = [(found.image, index, speck) for found in derived for index, speck in enumerate(found.specks)]
    return {
        "speck_id": [f"{image.sample_id}:{index}" for image, index, _ in rows],
        "sample_id": [image.sample_id for image, _, _ in rows],
        "source": [image.source for image, _, _ in rows],
        "reason": [speck.reason for _, _, speck in rows],
        "area_px": [speck.area_px for _, _, speck in rows],
        **{side: [getattr(speck.box, side) for _, _, speck in rows] for side in SIDES},
    }
