"""MOT files through py-motmetrics, which takes the 1 from left and top."""

import json
import sys
from pathlib import Path

import motmetrics


def read(folder: Path) -> None:
    """Print every row of every sequence."""
    for truth in sorted(folder.glob("*/*/gt/gt.txt")):
        sequence = truth.parent.parent
        labels = (truth.parent / "labels.txt").read_text().splitlines()
        extension = next((sequence / "img1").iterdir()).suffix
        if not truth.read_text():
            continue
        frames = motmetrics.io.loadtxt(str(truth), fmt="mot16")
        for (number, _), row in frames.iterrows():
            picture = (sequence / "img1" / f"{number:06d}{extension}").relative_to(folder).as_posix()
            numbers = [row["X"], row["Y"], row["X"] + row["Width"], row["Y"] + row["Height"]]
            print(json.dumps({"picture": picture, "name": labels[int(row["ClassId"]) - 1], "numbers": numbers}))


read(Path(sys.argv[1]))
