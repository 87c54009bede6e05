"""Tables and pictures of a tiny release, made here."""

import hashlib
from dataclasses import asdict, replace
from io import BytesIO

import numpy as np
import polars as pl
from PIL import Image

from medmultipoints.data_lake.prompts.object_names import load_names
from medmultipoints.data_lake.prompts.prompt_templates import load_templates
from medmultipoints.transforms.columns.tables import conform, empty_frame, load_table
from medmultipoints.transforms.diff.releases import Tables
from medmultipoints.transforms.instructions.write import write_instructions
from medmultipoints.transforms.masks.run_lengths import encode_rle
from medmultipoints.transforms.pictures.decode import decode_image
from medmultipoints.transforms.pictures.tones import measure_tone
from medmultipoints.transforms.records import TONE_COLUMNS


def picture(colour: int, size: tuple[int, int] = (40, 30), kind: str = "JPEG") -> bytes:
    buffer = BytesIO()
    Image.new("RGB", size, (colour, 90, 40)).save(buffer, kind)
    return buffer.getvalue()


PICTURES = {
    "hyperkvasir/a": picture(10),
    "hyperkvasir/b": picture(60, (44, 32)),
    "visem_tracking/11_frame_0": picture(120),
    "kvasir_instrument/c": picture(200, kind="PNG"),
}
CLASSES = ("cluster", "instrument", "normal", "pinhead", "polyps")
SPLITS = {"hyperkvasir/b": "test"}
# sample, label, boxes as (x1, y1, x2, y2)
OBJECTS = (
    ("hyperkvasir/a", "polyps", [(2.0, 3.0, 10.0, 9.0)]),
    ("hyperkvasir/b", "polyps", [(1.0, 1.0, 7.0, 8.0), (20.0, 10.0, 30.5, 20.25)]),
    ("visem_tracking/11_frame_0", "normal", [(3.1, 4.2, 9.7, 11.3)]),
    ("visem_tracking/11_frame_0", "cluster", []),
    ("kvasir_instrument/c", "instrument", [(0.0, 0.0, 40.0, 30.0)]),
)


def image_row(sample_id: str, data: bytes) -> dict[str, object]:
    source, stem = sample_id.split("/")
    sha256 = hashlib.sha256(data).hexdigest()
    width, height = Image.open(BytesIO(data)).size
    return {
        "sample_id": sample_id,
        "image_sha256": sha256,
        "stored_sha256": sha256,
        "luma_blake3": hashlib.sha256(data[::-1]).hexdigest(),
        "image_file": f"images/{sha256}.{'png' if data[1:4] == b'PNG' else 'jpg'}",
        "image_origin": "member",
        "orientation_done": None,
        "modality": None,
        "source": source,
        "stem": stem,
        "member": f"images/{stem}.jpg",
        "organ": "Lower GI",
        "finding": "polyps",
        "classification": "pathological-findings",
        "original_width": width,
        "original_height": height,
        "width": width,
        "height": height,
        "scale": 1.0,
        "stored_bytes": len(data),
        "perceptual_hash": "0" * 16,
        "mask_off_binary": None,
        "labels_exhaustive": ["cluster", "normal", "pinhead"] if source == "visem_tracking" else ["polyps"],
        "licence": "CC-BY-4.0" if source != "kvasir_instrument" else "LicenseRef-research-only",
        "official_split": None,
        "video_id": "11" if source == "visem_tracking" else None,
        "frame_index": 0 if source == "visem_tracking" else None,
        "fps": None,
        "group_id": f"image:{stem}",
        "split": SPLITS.get(sample_id, "train"),
        "duplicates": [],
    }


def record_row(image: dict[str, object], label: str, boxes: list[tuple[float, ...]]) -> dict[str, object]:
    masked = image["source"] == "hyperkvasir"
    centres = [[(x1 + x2) / 2, (y1 + y2) / 2] for x1, y1, x2, y2 in boxes]
    record_id = f"{image['image_sha256']}:{label}"
    copied = "image_sha256 sample_id source stem split organ finding classification video_id frame_index"
    own = "official_split stored_sha256 scale licence"
    return {name: image[name] for name in f"{copied} {own}".split()} | {
        "record_id": record_id,
        "img_size": [image["width"], image["height"]],
        "original_size": [image["original_width"], image["original_height"]],
        "points": centres,
        "bbox": [list(box) for box in boxes],
        "count": len(boxes),
        "label": label,
        "collection_method": "counting",
        "point_kind": ["centroid" if masked else "box_centre"] * len(boxes),
        "centroids": [centre if masked else [] for centre in centres],
        "interior_points": [centre if masked else [] for centre in centres],
        "object_ids": [f"{record_id}:{index}" for index in range(len(boxes))],
        "track_ids": ["track" if image["video_id"] else "" for _ in boxes],
        "modality": None,
        "evidence": ["mask" if masked else "track"] * len(boxes),
        "label_id": CLASSES.index(label),
    }


NO_MASK = dict.fromkeys(("area_px", "rle", *TONE_COLUMNS))


def mask_facts(data: bytes, *box: float) -> dict[str, object]:
    """Of a mask that is all pixels that the box touches."""
    x1, y1, x2, y2 = (int(side) for side in (*box[:2], *np.ceil(box[2:])))
    pixels = decode_image(data).pixels
    mask = np.ones((y2 - y1, x2 - x1), np.uint8)
    tone = measure_tone(pixels, mask, x1, y1, mask.size)
    assert tone is not None
    rle = encode_rle(mask, x1, y1, pixels.shape[1], pixels.shape[0])
    return {"area_px": mask.size, "rle": rle, **asdict(tone)}


def object_rows(record: dict[str, object], boxes: list[tuple[float, ...]]) -> list[dict[str, object]]:
    masked = record["source"] == "hyperkvasir"
    rows = []
    for index, (x1, y1, x2, y2) in enumerate(boxes):
        cx, cy = ((x1 + x2) / 2, (y1 + y2) / 2) if masked else (None, None)
        sides = {"x1": x1, "y1": y1, "x2": x2, "y2": y2, "cx": cx, "cy": cy, "ix": cx, "iy": cy}
        copied = ("record_id", "sample_id", "image_sha256", "split", "label")
        rows.append(
            {name: record[name] for name in copied}
            | sides
            | {
                "object_id": f"{record['record_id']}:{index}",
                "index": index,
                "evidence": "mask" if masked else "track",
                "point_kind": "centroid" if masked else "box_centre",
                **(mask_facts(PICTURES[str(record["sample_id"])], x1, y1, x2, y2) if masked else NO_MASK),
                "track_id": "track" if record["video_id"] else None,
                "truncated": False,
            }
        )
    return rows


def make_tables(objects: tuple[tuple[str, str, list[tuple[float, ...]]], ...] = OBJECTS) -> Tables:
    """The four tables of the tiny release, conforming to their declarations; every image has a record."""
    images = {sample_id: image_row(sample_id, data) for sample_id, data in PICTURES.items()}
    records = [(record_row(images[sample_id], label, boxes), boxes) for sample_id, label, boxes in objects]
    rows = [row for record, boxes in records for row in object_rows(record, boxes)]
    frames = {
        "records": [record for record, _ in records],
        "objects": rows,
        "released_images": [image for name, image in images.items() if name in {found[0] for found in objects}],
    }
    typed = {
        name: conform(pl.DataFrame(found, infer_schema_length=None), load_table(name))
        if found
        else empty_frame(load_table(name))
        for name, found in frames.items()
    }
    instructions = write_instructions(
        typed["records"], typed["released_images"], load_templates(), load_names(), seed=7, policy="audited"
    )
    return Tables(typed["records"], typed["objects"], typed["released_images"], instructions)


def changed(tables: Tables, **frames: pl.DataFrame) -> Tables:
    """The tables with some of them replaced."""
    return replace(tables, **frames)
