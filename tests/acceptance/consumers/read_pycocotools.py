"""COCO files through pycocotools: every annotation, every mask decoded, and the truth evaluated against itself."""

import json
import sys
from contextlib import redirect_stdout
from pathlib import Path

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def read(folder: Path) -> None:
    """Print every annotation of every file."""
    for path in sorted((folder / "annotations").glob("*.json")):
        with redirect_stdout(sys.stderr):
            coco = COCO(str(path))
        for image in coco.imgs.values():
            for annotation in coco.loadAnns(coco.getAnnIds(imgIds=image["id"])):
                x, y, width, height = annotation["bbox"]
                numbers = annotation["keypoints"][:2] if "keypoints" in annotation else [x, y, x + width, y + height]
                row = {"picture": f"images/{image['file_name']}", "numbers": numbers}
                row["name"] = coco.cats[annotation["category_id"]]["name"]
                if annotation["segmentation"] and "keypoints" not in annotation:
                    row["mask_area"] = int(coco.annToMask(annotation).sum())
                print(json.dumps(row))
        if coco.anns and "instances" in path.name:
            check_perfect(coco)


def check_perfect(coco: COCO) -> None:
    """The truth as its own prediction has an average precision of 1."""
    with redirect_stdout(sys.stderr):
        found = [{k: a[k] for k in ("image_id", "category_id", "bbox")} | {"score": 1.0} for a in coco.anns.values()]
        evaluation = COCOeval(coco, coco.loadRes(found), "bbox")
        evaluation.params.maxDets = [1, 10, 1000]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"]
    lowest = float(precision[..., 0, -1][precision[..., 0, -1] > -1].min())
    assert lowest > 1 - 1e-9, f"the truth evaluated against itself has a precision of {lowest}"


read(Path(sys.argv[1]))
