"""Read back the boxes of a MOT export."""

from collections.abc import Mapping

from medmultipoints.transforms.dialects.conversations.answers import Mark
from medmultipoints.transforms.regions.boxes import MotBox
from tests.transforms.regions.box_inverses import from_mot


def decode(files: Mapping[str, bytes], split: str, _sizes: object) -> dict[str, list[Mark]]:
    """The boxes of every frame by its path, in the order of the track ids.

    Inverse of ``mot.encode`` within 0.0001 px.
    """
    marks: dict[str, list[Mark]] = {}
    for path in sorted(files):
        if not (path.startswith(f"{split}/") and path.endswith("/gt/gt.txt")):
            continue
        folder = path.removesuffix("/gt/gt.txt")
        labels = files[f"{folder}/gt/labels.txt"].decode().splitlines()
        info = dict(line.split("=", 1) for line in files[f"{folder}/seqinfo.ini"].decode().splitlines() if "=" in line)
        frame = f"{folder}/{info['imDir']}/{{:06d}}{info['imExt']}".format
        marks |= {frame(number): [] for number in range(1, int(info["seqLength"]) + 1)}
        for line in files[path].decode().splitlines():
            number, _, left, top, width, height, _, label, _ = line.split(",")
            box = from_mot(MotBox(float(left), float(top), float(width), float(height)))
            marks[frame(int(number))].append(Mark(labels[int(label) - 1], (box.x1, box.y1, box.x2, box.y2)))
    return marks
