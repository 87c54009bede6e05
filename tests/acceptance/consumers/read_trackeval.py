"""MOT files through TrackEval: the ground truth as its own tracker has a HOTA of 1, and its boxes as they were read."""

import json
import shutil
import sys
from contextlib import redirect_stdout
from pathlib import Path

import trackeval

BENCHMARK = "export"


def read(folder: Path, scratch: Path) -> None:
    """Print every box of every frame; fail where the truth does not match itself."""
    for seqmap in sorted((folder / "seqmaps").glob("*.txt")):
        dataset = lay_out(folder, scratch, seqmap.stem)
        for sequence in dataset.seq_list:
            source = folder / seqmap.stem / sequence
            labels = (source / "gt" / "labels.txt").read_text().splitlines()
            extension = next((source / "img1").iterdir()).suffix
            raw = dataset.get_raw_seq_data("self", sequence)
            for number, boxes in enumerate(raw["gt_dets"], 1):
                for box, label in zip(boxes.tolist(), raw["gt_classes"][number - 1].tolist(), strict=True):
                    left, top, width, height = box
                    row = {"picture": f"{seqmap.stem}/{sequence}/img1/{number:06d}{extension}"}
                    row["numbers"] = [left - 1, top - 1, left - 1 + width, top - 1 + height]  # it keeps MOT's 1
                    print(json.dumps(row | {"name": labels[int(label) - 1]}))
            data = dataset.get_preprocessed_seq_data(raw, "pedestrian")
            if data["num_gt_dets"]:
                with redirect_stdout(sys.stderr):
                    score = float(trackeval.metrics.HOTA({"PRINT_CONFIG": False}).eval_sequence(data)["HOTA"].min())
                assert score > 1 - 1e-9, f"{sequence}: the truth tracked by itself has a HOTA of {score}"


def lay_out(folder: Path, scratch: Path, split: str) -> "trackeval.datasets.MotChallenge2DBox":
    """TrackEval's folders: truth and tracker apart, names with the benchmark in front."""
    truth, tracker = scratch / f"{BENCHMARK}-{split}", scratch / "trackers" / f"{BENCHMARK}-{split}" / "self" / "data"
    tracker.mkdir(parents=True)
    for path in sorted((folder / split).glob("*/gt/gt.txt")):
        sequence = path.parent.parent
        shutil.copytree(sequence, truth / sequence.name, ignore=shutil.ignore_patterns("img1"))
        rows = [line.split(",") for line in path.read_text().splitlines()]
        # A prediction has ten columns, a score in the seventh; TrackEval takes every one for a pedestrian.
        predictions = [",".join([*row[:6], "1", "-1", "-1", "-1"]) for row in rows]
        (tracker / f"{sequence.name}.txt").write_text("\n".join([*predictions, ""]))
    (scratch / "seqmaps").mkdir(exist_ok=True)
    shutil.copy(folder / "seqmaps" / f"{split}.txt", scratch / "seqmaps" / f"{BENCHMARK}-{split}.txt")
    settings = {"GT_FOLDER": str(scratch), "TRACKERS_FOLDER": str(scratch / "trackers"), "BENCHMARK": BENCHMARK}
    settings |= {"SPLIT_TO_EVAL": split, "TRACKERS_TO_EVAL": ["self"], "PRINT_CONFIG": False, "DO_PREPROC": False}
    with redirect_stdout(sys.stderr):
        return trackeval.datasets.MotChallenge2DBox(
            trackeval.datasets.MotChallenge2DBox.get_default_dataset_config() | settings
        )


read(Path(sys.argv[1]), Path(sys.argv[2]))
