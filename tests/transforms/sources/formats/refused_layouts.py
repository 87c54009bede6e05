"""Unsupported files of other tools, with the expected refusal of each."""

from collections.abc import Iterable

import numpy as np

from tests.transforms.sources.formats.dataset_layouts import npz
from tests.transforms.sources.formats.layouts import Files, Layout, dump, pictures, table
from tests.transforms.sources.formats.scenes import SCENES

FILES: dict[str, tuple[str, bytes]] = {
    "lidc": ("LIDC/1.xml", b'<?xml version="1.0"?><LidcReadMessage uid="1"><ResponseHeader/></LidcReadMessage>'),
    "world_points": (
        "annotations.csv",
        table(["seriesuid", "coordX", "coordY", "coordZ", "diameter_mm"], [["1.3.6", -128.6, -175.3, -298.3, 5.6]] * 3),
    ),
    "dialogues": (
        "train.json",
        dump([{"image": "cell_001.png", "conversations": [{"from": "gpt", "value": "<box>[[1,2,3,4]]</box>"}]}]),
    ),
    "rtstruct": (
        "dicom/rs.dcm",
        bytes(128) + b"DICM" + b"\2\0\2\0UI\x1e\x001.2.840.10008.5.1.4.1.1.481.3\0" + bytes(40),
    ),
    "matlab": ("labels/1.mat", b"MATLAB 5.0 MAT-file, Platform: GLNXA64" + bytes(128)),
    "hdf5": ("data.h5", b"\x89HDF\r\n\x1a\n" + bytes(64)),
    "pickle": ("train.pkl", b"\x80\x04\x95\x10\0\0\0\0\0\0\0}\x94."),
    "tfrecord": ("train.tfrecord-00000-of-00001", b"\x10\0\0\0\0\0\0\0\1\2\3\4"),
    "lmdb": ("lmdb/data.mdb", bytes(range(64))),
    "roi": ("rois/cell.roi", b"Iout\0\xe4" + bytes(range(58))),
    "sqlite": ("a.db", b"SQLite format 3\0" + bytes(range(84))),
}


def refused_layouts() -> Iterable[Layout]:
    shots = pictures()
    for key, (path, data) in FILES.items():
        files: Files = {path: data, **shots}
        yield Layout(f"not read: {key}", files, refused=f"not_read_{key}")
    stack = np.stack([s.pixels() for s in SCENES])
    labels = np.zeros((len(SCENES), 1), np.uint8)
    held = {"bloodmnist.npz": npz(train_images=stack, train_labels=labels)}
    yield Layout("not read: MedMNIST", held, refused="not_read_picture_labels")
