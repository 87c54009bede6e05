"""Everything that parses bytes from outside, each with small sound inputs: other inputs end in a named error."""

import io
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from medmultipoints.data_lake.archives.source_files import open_source
from medmultipoints.data_lake.archives.video import decode_frames, video_facts
from medmultipoints.data_lake.evaluate.json_lines import read_lines
from medmultipoints.flows.recipe.load import load_recipe
from medmultipoints.transforms.errors import MemberProblem, PipelineError
from medmultipoints.transforms.masks.components import find_regions
from medmultipoints.transforms.masks.mask_values import read_values
from medmultipoints.transforms.masks.run_lengths import decode_rle, encode_rle
from medmultipoints.transforms.pictures.decode import decode_image, decode_mask
from medmultipoints.transforms.pictures.metadata import find_metadata, strip_metadata
from medmultipoints.transforms.pictures.orientation import find_orientations, neutralise
from medmultipoints.transforms.rasters.array_items import ITEM, array_item, array_shapes, read_array
from medmultipoints.transforms.regions.tracks import parse_labels, parse_tracked
from medmultipoints.transforms.scoring.answers.published_parsing import read_published
from medmultipoints.transforms.sources.inspecting.inspection import inspect_source
from medmultipoints.transforms.sources.pairs.box_entries import parse_box_json
from medmultipoints.transforms.sources.reading.records.json_rows import parse_json
from medmultipoints.transforms.sources.reading.records.xml_tree import parse_xml
from tests.faults.tiny_sources import boxes_json, draw, jpeg, png, square, tar_gz_bytes, zip_bytes
from tests.members import MemoryMembers

NAMED = (PipelineError, MemberProblem)
"""The errors that people and the quarantine understand."""


@dataclass(frozen=True, slots=True)
class Parser:
    """One way in: sound inputs, and what reads them."""

    seeds: tuple[bytes, ...]
    read: Callable[[bytes], object]

    def survives(self, data: bytes) -> bool:
        """Return whether an input ends in a result (True) or a named error; any other error is raised."""
        try:
            self.read(data)
        except NAMED:
            return False
        return True


def tagged() -> bytes:
    """A JPEG with every tag that the reader of metadata knows of one kind each, and an orientation."""
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (59.0, 54.0, 0.0)})
    exif[0x0112], exif[0x013B], exif[0x9286] = 6, "A Person", "a comment"
    buffer = io.BytesIO()
    Image.open(io.BytesIO(draw("tagged"))).save(buffer, "JPEG", exif=exif, comment=b"a comment")
    return buffer.getvalue() + b"after the end"


def palette() -> bytes:
    image = Image.frombytes("P", (64, 48), (square() // 255).tobytes())
    image.putpalette([0, 0, 0, 255, 255, 255])
    buffer = io.BytesIO()
    image.save(buffer, "PNG", transparency=0)
    return buffer.getvalue()


def read_mask(data: bytes) -> object:
    values, threshold = read_values(decode_mask(data), None, lossy=data.startswith(b"\xff\xd8"))
    return find_regions(values, threshold)


def read_archive(suffix: str) -> Callable[[bytes], object]:
    def read(data: bytes) -> object:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"set{suffix}"
            path.write_bytes(data)
            files = open_source("fuzzed", path, Path(folder) / "scratch")
            return [files.read(name) for name in files.names()]

    return read


def read_file(suffix: str, parse: Callable[[Path], object]) -> Callable[[bytes], object]:
    def read(data: bytes) -> object:
        with tempfile.NamedTemporaryFile(suffix=suffix) as file:
            Path(file.name).write_bytes(data)
            return parse(Path(file.name))

    return read


def inspected(name: str) -> Callable[[bytes], object]:
    return lambda data: inspect_source(MemoryMembers({"a.jpg": draw("a"), name: data}), {})


def archived(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def array() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, square())
    return buffer.getvalue()


def read_arrays(data: bytes) -> object:
    shapes = array_shapes(data)
    whole = [read_array(data, "a.npy")] if len(shapes) < 2 else []
    return [*whole, *(array_item(data, "a.npz", f"{ITEM}{key}:0") for key in shapes)]


def film() -> bytes:
    """Six frames of 32 x 32 in MPEG-4, in an mp4."""
    data = io.BytesIO()
    with av.open(data, "w", format="mp4") as output:
        stream = output.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for index in range(6):
            pixels = np.full((32, 32, 3), 30 * index, np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        output.mux(stream.encode(None))
    return data.getvalue()


def read_film(data: bytes) -> object:
    frames = video_facts(data, "v.mp4").frames
    return [pixels.mean() for _, pixels in decode_frames(data, range(min(frames, 6)), "v.mp4")]


def rows() -> bytes:
    """A Parquet file of two pictures, with boxes, as the Hub stores data sets."""
    pictures = [{"bytes": draw(name), "path": f"{name}.jpg"} for name in "ab"]
    objects = [{"bbox": [[1.0, 2.0, 9.0, 9.0]], "category": ["polyp"]}] * 2
    buffer = io.BytesIO()
    pq.write_table(pa.table({"image": pictures, "objects": objects}), buffer)
    return buffer.getvalue()


def counts(data: bytes) -> object:
    try:
        return decode_rle(data.decode("latin-1"), 48, 64)
    except ValueError as error:  # as every caller names it
        raise MemberProblem("mask_size_mismatch", str(error)) from error


RECIPE = b'name = "a"\nversion = "1.0.0"\ntitle = "A"\n[sources.hyperkvasir]\n[splits]\nfractions = { train = 1.0 }\n'
COCO = json.dumps(
    {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 64, "height": 48}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}],
        "categories": [{"id": 1, "name": "polyp"}],
    }
).encode()
RECORDS = json.dumps([{"image": "a.jpg", "objects": [{"box": [1, 2, 30, 40], "label": "polyp"}]}]).encode()
VOC = b"""<annotation><filename>a.jpg</filename><size><width>64</width><height>48</height></size>
<object><name>polyp</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox></object></annotation>"""

PARSERS: Mapping[str, Parser] = {
    "picture": Parser((draw("a"), png(np.dstack([square()] * 3)), palette()), decode_image),
    "mask": Parser(
        (
            png(square()),
            png(square().astype(np.uint16) * 257),
            palette(),
            jpeg(cv2.merge([square()] * 3)),
        ),
        read_mask,
    ),
    "metadata": Parser((tagged(), palette()), lambda data: (find_metadata(data), strip_metadata(data))),
    "orientation": Parser((tagged(),), lambda data: (find_orientations(data), neutralise(data))),
    "run lengths": Parser((encode_rle(square() // 255, 0, 0, 64, 48).encode(),), counts),
    "label lines": Parser((b"0 0.5 0.5 0.25 0.25\n1 0.1 0.1 0.1 0.1\n",), partial(parse_labels, classes=("a", "b"))),
    "track lines": Parser((b"ckz0 0 0.5 0.5 0.25 0.25\n",), partial(parse_tracked, classes=("a", "b"))),
    "boxes": Parser(
        (boxes_json("ab", "polyp"),), lambda data: parse_box_json("s", "boxes.json", data, {"polyp": "polyps"})
    ),
    "JSON": Parser((COCO,), lambda data: parse_json(data, "a.json")),
    "XML": Parser((VOC,), lambda data: parse_xml(data, "a.xml")),
    "COCO": Parser((COCO,), inspected("annotations.json")),
    "VOC": Parser((VOC,), inspected("a.xml")),
    "table": Parser((b"image,label,xmin,ymin,xmax,ymax\na.jpg,polyp,1,2,30,40\n",), inspected("boxes.csv")),
    "json": Parser((RECORDS,), inspected("records.json")),
    "arrays": Parser(
        (array(), archived(masks=np.stack([square()] * 2)), archived(a=square(), b=square())), read_arrays
    ),
    "arrays of a source": Parser(
        (archived(images=np.stack([square()] * 2), masks=np.stack([square()] * 2)),), inspected("a.npz")
    ),
    "rows": Parser((rows(),), inspected("train.parquet")),
    "film": Parser((film(),), read_film),
    "zip": Parser((zip_bytes([("a.jpg", draw("a")), ("b/c.txt", b"text")]),), read_archive(".zip")),
    "tar": Parser((tar_gz_bytes([("a.jpg", draw("a"))]),), read_archive(".tar.gz")),
    "recipe": Parser((RECIPE,), read_file(".toml", lambda path: load_recipe(str(path)))),
    "predictions": Parser(
        (b'{"id": "1", "response": "{\\"counts\\": 2}"}\n', b'{"id": "1", "response": "x", "n": NaN}\n'),
        read_file(".jsonl", lambda path: list(read_lines(path))),
    ),
    "response": Parser(
        (b'```json\n{"bbox": [[1, 2, 3, 4]], "label": "polyp"}\n```', b'[{"point_2d": [1, 2]}]'),
        lambda data: [read_published(task, data.decode("utf-8", "replace")) for task in ("bounding", "pointing")],
    ),
}
