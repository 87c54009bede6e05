"""COCO and YOLO files through supervision's DetectionDataset."""

import json
import sys
from pathlib import Path

import supervision


def read(folder: Path) -> None:
    """Print every detection of every picture."""
    for dataset in datasets(folder):
        for path, _, detections in dataset:
            for corners, number in zip(detections.xyxy.tolist(), detections.class_id.tolist(), strict=True):
                picture = Path(path).resolve().relative_to(folder.resolve()).as_posix()
                print(json.dumps({"picture": picture, "name": dataset.classes[number], "numbers": corners}))


def datasets(folder: Path) -> list[supervision.DetectionDataset]:
    """One data set a split."""
    if (folder / "data.yaml").exists():
        return [
            supervision.DetectionDataset.from_yolo(
                str(images), str(folder / "labels" / images.name), str(folder / "data.yaml")
            )
            for images in sorted((folder / "images").iterdir())
        ]
    found = sorted((folder / "annotations").glob("*.json"))
    return [supervision.DetectionDataset.from_coco(str(folder / "images"), str(path)) for path in found]


read(Path(sys.argv[1]))
