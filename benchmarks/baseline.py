"""The baseline, a plain Hugging Face script: a generator with PIL and SciPy, ``to_parquet``, ``json.dumps``.

``python -m benchmarks.baseline FOLDER OUTPUT [more] [kernels]`` prints its times as JSON. ``FOLDER`` holds the sources
as plain files. It is what a competent person writes in an afternoon: no range checks, no validation, no provenance.
With ``more`` it also has the costly columns of the pipeline: pixel hash, perceptual hash, RLE, track ids. With
``kernels`` it decodes pictures and masks with simplejpeg and finds components with OpenCV, as the pipeline does, so
that only the overhead of Hugging Face remains.
"""

import hashlib
import json
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import simplejpeg
from datasets import Dataset, Image, disable_progress_bars
from PIL import Image as Picture
from pycocotools import mask as coco
from scipy import ndimage

SMALLEST_AREA = 20
LABELS = {"0": "normal", "1": "cluster", "2": "pinhead"}
Objects = list[dict[str, Any]]
"""Label, box, point and area of each object of an image; with ``more`` its RLE or track."""


def rows(paths: list[str], more: bool, kernels: bool) -> Iterator[dict[str, Any]]:
    """Yield one row per image."""
    for path in map(Path, paths):
        data = path.read_bytes()
        if kernels:
            pixels = simplejpeg.decode_jpeg(data, "RGB")
            height, width = pixels.shape[:2]
            hashes = fast_hashes(pixels) if more else {}
        else:
            with Picture.open(path) as picture:
                picture.load()
                width, height = picture.size
                hashes = picture_hashes(picture) if more else {}
        mask = path.parents[1] / "masks" / path.name
        label_file = path.parents[1] / "labels" / f"{path.stem}.txt"
        of_mask = fast_mask_objects if kernels else mask_objects
        found = of_mask(mask, more) if mask.exists() else label_objects(label_file, width, height, more)
        yield {
            "id": path.stem,
            "image": {"bytes": data, "path": path.name},
            "image_sha256": hashlib.sha256(data).hexdigest(),
            "width": width,
            "height": height,
            "labels": [item["label"] for item in found],
            "boxes": [item["box"] for item in found],
            "points": [item["point"] for item in found],
            "areas": [item["area"] for item in found],
            "details": [item.get("rle") or item.get("track") or "" for item in found],
            "count": len(found),
            **hashes,
        }


def picture_hashes(picture: Picture.Image) -> dict[str, str]:
    """Return the hash of the pixels and a difference hash."""
    small = np.asarray(picture.convert("L").resize((9, 8), Picture.Resampling.BOX))
    bits = np.packbits(small[:, 1:] > small[:, :-1]).tobytes().hex()
    return {"pixel_sha256": hashlib.sha256(np.asarray(picture.convert("RGB")).tobytes()).hexdigest(), "dhash": bits}


def fast_hashes(pixels: np.ndarray[Any, Any]) -> dict[str, str]:
    """Return the same hashes, computed with OpenCV."""
    small = cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), (9, 8), interpolation=cv2.INTER_AREA)
    bits = np.packbits(small[:, 1:] > small[:, :-1]).tobytes().hex()
    return {"pixel_sha256": hashlib.sha256(pixels).hexdigest(), "dhash": bits}


def fast_mask_objects(path: Path, more: bool) -> Objects:
    """Return the components of a mask, decoded by simplejpeg and labelled by OpenCV."""
    mask = simplejpeg.decode_jpeg(path.read_bytes(), "GRAY")[..., 0] >= 128
    number, labels, stats, centres = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    found: Objects = []
    for i in range(1, number):
        x1, y1, w, h, area = map(int, stats[i])
        if area < SMALLEST_AREA:
            continue
        own = labels[y1 : y1 + h, x1 : x1 + w] == i
        x, y = round(centres[i][0]), round(centres[i][1])
        if not own[y - y1, x - x1]:
            depth = cv2.distanceTransform(np.pad(own.view(np.uint8), 1), cv2.DIST_L2, 5)
            row, column = np.unravel_index(depth.argmax(), depth.shape)
            x, y = int(column) + x1 - 1, int(row) + y1 - 1
        box = [float(x1), float(y1), float(x1 + w), float(y1 + h)]
        found.append({"label": "polyps", "box": box, "point": [x + 0.5, y + 0.5], "area": float(area)})
        if more:
            whole = np.asfortranarray(labels == i)
            found[-1]["rle"] = coco.encode(whole)["counts"].decode()
    return found


def mask_objects(path: Path, more: bool) -> Objects:
    """Return the components of a mask."""
    with Picture.open(path) as picture:
        mask = np.asarray(picture.convert("L")) >= 128
    labels, number = ndimage.label(mask, structure=np.ones((3, 3)))
    ids = list(range(1, number + 1))
    centres = ndimage.center_of_mass(mask, labels, ids)
    areas = ndimage.sum(mask, labels, ids)
    found: Objects = []
    for i, centre, area, (rows_, columns) in zip(ids, centres, areas, ndimage.find_objects(labels), strict=True):
        if area < SMALLEST_AREA:
            continue
        y, x = round(centre[0]), round(centre[1])
        if labels[y, x] != i:
            depth = ndimage.distance_transform_edt(labels == i)
            y, x = map(int, np.unravel_index(depth.argmax(), depth.shape))
        box = [float(columns.start), float(rows_.start), float(columns.stop), float(rows_.stop)]
        found.append({"label": "polyps", "box": box, "point": [x + 0.5, y + 0.5], "area": float(area)})
        if more:
            found[-1]["rle"] = coco.encode(np.asfortranarray(labels == i))["counts"].decode()
    return found


def label_objects(path: Path, width: int, height: int, more: bool) -> Objects:
    """Return the boxes of a YOLO label file, clipped to the frame."""
    if not path.exists():
        return []
    found: Objects = []
    tracks = path.parents[1] / "labels_ftid" / f"{path.stem}_with_ftid.txt"
    with path.open() as lines:
        for line in lines:
            label, *values = line.split()
            cx, cy, w, h = map(float, values)
            x, y, w, h = cx * width, cy * height, w * width, h * height
            box = [
                max(x - w / 2, 0.0),
                max(y - h / 2, 0.0),
                min(x + w / 2, float(width)),
                min(y + h / 2, float(height)),
            ]
            found.append({"label": LABELS[label], "box": box, "point": [x, y], "area": w * h})
    if more:
        with tracks.open() as lines:
            for item, line in zip(found, lines, strict=True):
                item["track"] = line.split()[0]
    return found


def questions(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield five questions per image: count, presence, boxes, points, size."""
    boxes = [[round(value) for value in box] for box in row["boxes"]]
    points = [[round(value) for value in point] for point in row["points"]]
    answers = {
        "How many objects are there?": row["count"],
        "Is there any object?": "yes" if row["count"] else "no",
        "Where are the objects? Give boxes.": boxes,
        "Where are the objects? Give points.": points,
        "How large is the image?": [row["width"], row["height"]],
    }
    for question, answer in answers.items():
        yield {"image": row["image_sha256"], "question": question, "answer": answer}


def main(arguments: Sequence[str]) -> None:
    """Make the data set and print the seconds of each part."""
    folder, output = map(Path, arguments[:2])
    disable_progress_bars()
    laps = [time.perf_counter()]
    paths = sorted(str(path) for path in folder.rglob("images/*.jpg"))
    made = Dataset.from_generator(
        rows,
        gen_kwargs={"paths": paths, "more": "more" in arguments, "kernels": "kernels" in arguments},
        cache_dir=str(output / "cache"),
    )
    laps.append(time.perf_counter())
    seen: dict[str, int] = {}
    for position, sha256 in enumerate(made["image_sha256"]):
        seen.setdefault(sha256, position)
    made = made.select(list(seen.values())).cast_column("image", Image())
    laps.append(time.perf_counter())
    made.to_parquet(str(output / "data.parquet"))
    laps.append(time.perf_counter())
    with (output / "questions.jsonl").open("w") as file:
        for row in made.remove_columns("image"):
            for question in questions(row):
                file.write(json.dumps(question) + "\n")
    laps.append(time.perf_counter())
    parts = [after - before for before, after in pairwise(laps)]
    names = ("generate", "deduplicate", "to_parquet", "jsonl")
    print(json.dumps({"work": dict(zip(names, parts, strict=True)), "build_seconds": sum(parts)}))


if __name__ == "__main__":
    main(sys.argv[1:])
