"""Sources of a few pictures, as the archives that their authors publish: files by path, to be spoilt one at a time.

Pictures are 64x48 px. A polyp or an instrument is the square of columns 16 to 39 and rows 12 to 35; the label
files state two cells in each frame. Nothing in them is wrong until a test spoils it.
"""

import io
import json
import tarfile
import warnings
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

WIDTH, HEIGHT = 64, 48
STEMS = ("a1", "b2", "c3", "d4", "e5", "f6")
POLYP_ZIP, LABEL_TABLE = "hyper-kvasir-segmented-images.zip", "image-labels.csv"
POLYP_BOXES = "segmented-images/bounding-boxes.json"
INSTRUMENT_ZIP = "kvasir-instrument.zip"
INSTRUMENT_BOXES = "kvasir-instrument/bboxes.json"
VISEM_ZIP = "VISEM_tracking.zip"
VIDEO = "VISEM_Tracking_Train_v4/Train/11"

Files = dict[str, bytes]


def polyp(stem: str, kind: str = "images") -> str:
    return f"segmented-images/{kind}/{stem}.jpg"


def instrument(stem: str, kind: str = "images") -> str:
    return f"kvasir-instrument/{kind}/{stem}.{'jpg' if kind == 'images' else 'png'}"


def frame(number: int) -> str:
    return f"{VIDEO}/images/11_frame_{number}.jpg"


def labels(number: int) -> str:
    return f"{VIDEO}/labels/11_frame_{number}.txt"


def tracked(number: int) -> str:
    return f"{VIDEO}/labels_ftid/11_frame_{number}_with_ftid.txt"


def make_polyps(stems: Iterable[str] = STEMS) -> Files:
    """HyperKvasir: segmented archive and, under its own name, the label table that lies beside it."""
    stems = tuple(stems)
    files = {polyp(stem): draw(f"polyp {stem}") for stem in stems}
    files |= {polyp(stem, "masks"): jpeg(cv2.merge([square()] * 3)) for stem in stems}
    files[POLYP_BOXES] = boxes_json(stems, "polyp")
    rows = [f"{stem},Lower GI,polyps,pathological-findings" for stem in stems]
    files[LABEL_TABLE] = "\n".join(["Video file,Organ,Finding,Classification", *rows, ""]).encode()
    return files


def make_instruments(stems: Iterable[str] = STEMS) -> Files:
    """Kvasir-Instrument under the paths inside its zip, nested archives unpacked; every stem in ``train.txt``."""
    stems = tuple(stems)
    files = {instrument(stem): draw(f"instrument {stem}") for stem in stems}
    files |= {instrument(stem, "masks"): png(square()) for stem in stems}
    files[INSTRUMENT_BOXES] = boxes_json(stems, "instrument")
    files["kvasir-instrument/train.txt"] = "".join(f"{stem}\n" for stem in stems).encode()
    files["kvasir-instrument/test.txt"] = b""
    return files


def make_frames(count: int = 6) -> Files:
    """VISEM-Tracking: one video of which there are pictures and label files, and no mp4."""
    files: Files = {}
    for number in range(count):
        rows = [f"0 {0.25 + number / 1000:.6f} 0.5 0.125 0.25", "1 0.75 0.5 0.25 0.25"]
        files[frame(number)] = draw(f"frame {number}")
        files[labels(number)] = "".join(f"{row}\n" for row in rows).encode()
        files[tracked(number)] = "".join(f"ckz{i} {row}\n" for i, row in enumerate(rows)).encode()
    return files


def draw(name: str) -> bytes:
    """A picture that no other name gives."""
    return jpeg(pixels(name))


def pixels(name: str) -> NDArray[np.uint8]:
    shades = np.random.default_rng(list(name.encode())).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.kron(shades, np.ones((8, 8, 1), np.uint8))


def square(width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.uint8]:
    mask = np.zeros((height, width), np.uint8)
    mask[12:36, 16:40] = 255
    return mask


def jpeg(picture: NDArray[np.uint8]) -> bytes:
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(picture), quality=95, colorspace="RGB"))


def png(picture: NDArray[np.uint8]) -> bytes:
    return bytes(cv2.imencode(".png", picture)[1].tobytes())


def box(label: str, /, **changes: Any) -> dict[str, Any]:
    """The square as the source JSON states it, grown by one pixel."""
    return {"label": label, "xmin": 15, "ymin": 11, "xmax": 40, "ymax": 36} | changes


def boxes_json(stems: Iterable[str], label: str) -> bytes:
    return json.dumps({stem: {"height": HEIGHT, "width": WIDTH, "bbox": [box(label)]} for stem in stems}).encode()


def zip_bytes(files: Iterable[tuple[str, bytes]]) -> bytes:
    """The files in their order, stored as they are; a name may occur twice."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive, warnings.catch_warnings(action="ignore"):
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name), content)
    return data.getvalue()


def tar_gz_bytes(files: Iterable[tuple[str, bytes]]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


def write_polyps(folder: Path, files: Files, twice: Iterable[str] = ()) -> Path:
    """The folder with the segmented zip, members of ``twice`` listed twice, and the label table beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    inside = [(name, data) for name, data in files.items() if name != LABEL_TABLE]
    (folder / POLYP_ZIP).write_bytes(zip_bytes([*inside, *((name, files[name]) for name in twice)]))
    if LABEL_TABLE in files:
        (folder / LABEL_TABLE).write_bytes(files[LABEL_TABLE])
    return folder


def write_instruments(folder: Path, files: Files) -> Path:
    """The folder with the zip, pictures and masks in a nested archive each."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / INSTRUMENT_ZIP).write_bytes(zip_bytes(nest(files).items()))
    return folder


def nest(files: Files) -> Files:
    """The members of the instruments' zip: ``images/`` and ``masks/`` packed."""
    packed = {
        f"kvasir-instrument/{kind}.tar.gz": tar_gz_bytes(
            (name.removeprefix("kvasir-instrument/"), data)
            for name, data in files.items()
            if name.startswith(f"kvasir-instrument/{kind}/")
        )
        for kind in ("images", "masks")
    }
    loose = {name: data for name, data in files.items() if name.count("/") == 1}
    return packed | loose


def write_frames(folder: Path, files: Files) -> Path:
    """The folder with the zip of videos."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / VISEM_ZIP).write_bytes(zip_bytes(files.items()))
    return folder
