"""What FiftyOne reads of a COCO export: pictures, objects and objects with a mask of each split, one line each."""

import json
import os
import sys
from pathlib import Path

os.environ |= {"FIFTYONE_DO_NOT_TRACK": "true", "FIFTYONE_DATABASE_DIR": str(Path.home() / "fiftyone-database")}
import fiftyone


def main(folder: Path) -> None:
    """Print one JSON object a split of the export in a folder."""
    for file in sorted(folder.glob("annotations/instances_*.json")):
        read = fiftyone.Dataset.from_dir(
            dataset_type=fiftyone.types.COCODetectionDataset,
            data_path=str(folder / "images"),
            labels_path=str(file),
            label_types=["detections", "segmentations"],
            include_id=True,
        )
        found = [one for sample in read for one in (sample.segmentations or sample.detections).detections]
        said = {"split": file.stem.partition("_")[2], "images": len(read), "objects": len(found)}
        masks = sum(one.mask is not None for one in found)
        print(json.dumps(said | {"masks": masks, "labels": sorted({one.label for one in found})}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
