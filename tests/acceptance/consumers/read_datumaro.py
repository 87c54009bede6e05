"""COCO, YOLO and MOT files through datumaro's importers."""

import json
import sys
from pathlib import Path

from datumaro import Dataset
from datumaro.components.annotation import Annotation, AnnotationType


def read(folder: Path, kind: str) -> None:
    """Print every object that the importer gives."""
    for root in roots(folder, kind):
        dataset = Dataset.import_from(str(root), kind)
        names = [category.name for category in dataset.categories()[AnnotationType.label].items]
        for item in dataset:
            if item.media is None:
                raise AssertionError(f"{item.id}: datumaro found no picture")
            picture = Path(item.media.path).resolve().relative_to(folder.resolve()).as_posix()
            for found in item.annotations:
                for numbers in places(found, kind):
                    print(json.dumps({"picture": picture, "name": names[found.label], "numbers": numbers}))


def roots(folder: Path, kind: str) -> list[Path]:
    """The folders that the importer is given: each sequence of MOT apart."""
    if kind != "mot_seq":
        return [folder]
    return sorted(path.parent.parent for path in folder.glob("*/*/gt/gt.txt"))


def places(found: Annotation, kind: str) -> list[list[float]]:
    """The corners of a box, with MOT's 1 taken off, or a point; nothing for the masks beside them."""
    if kind == "coco_person_keypoints":
        return [found.points] if found.type is AnnotationType.points else []
    if found.type is not AnnotationType.bbox:
        return []
    return [[edge - (kind == "mot_seq") for edge in found.points]]


read(Path(sys.argv[1]), sys.argv[2])
