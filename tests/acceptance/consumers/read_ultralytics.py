"""YOLO files through ultralytics: ``check_det_dataset`` and its YOLODataset, which drops what it finds corrupt."""

import json
import sys
from contextlib import redirect_stdout
from pathlib import Path


def read(folder: Path) -> None:
    """Print every label that is left; fail where a picture was dropped."""
    with redirect_stdout(sys.stderr):
        from ultralytics.data.dataset import YOLODataset
        from ultralytics.data.utils import check_det_dataset

        data = check_det_dataset(str(folder / "data.yaml"), autodownload=False)
        splits = [key for key in ("train", "val", "test") if data.get(key)]
        found = [(YOLODataset(img_path=data[key], data=data, task="detect", augment=False), key) for key in splits]
    for dataset, key in found:
        pictures = len(list(Path(data[key]).iterdir()))
        assert len(dataset.labels) == pictures, f"{key}: {len(dataset.labels)} of {pictures} pictures are left"
        for label in dataset.labels:
            height, width = label["shape"]
            picture = Path(label["im_file"]).resolve().relative_to(folder.resolve()).as_posix()
            for (cx, cy, w, h), number in zip(label["bboxes"].tolist(), label["cls"].ravel().tolist(), strict=True):
                corners = [(cx - w / 2) * width, (cy - h / 2) * height, (cx + w / 2) * width, (cy + h / 2) * height]
                print(json.dumps({"picture": picture, "name": data["names"][int(number)], "numbers": corners}))


read(Path(sys.argv[1]))
