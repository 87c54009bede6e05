"""Archives, label tables and box files as people have them: read in full, or refused with what is wrong and where.

Each is a sound source of six polyps in which one thing is odd; the stage of the index says what becomes of it.
"""

import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medmultipoints.data_lake.store.parquet_tables import read_table
from medmultipoints.flows.engine.prepare import prepare
from medmultipoints.flows.engine.request import BuildRequest
from medmultipoints.flows.engine.running.run import Unwatched, run_in_threads, run_pipeline
from medmultipoints.flows.stages.pipeline import PIPELINE
from medmultipoints.transforms.errors import PipelineError
from tests.faults.building import write_recipe
from tests.faults.tiny_sources import LABEL_TABLE, POLYP_BOXES, POLYP_ZIP, STEMS, Files, make_polyps, zip_bytes

Odd = Callable[[Path, Files], None]
Change = Callable[[str], str]
HEAD = "Video file,Organ,Finding,Classification\n"
ROWS = "".join(f"{stem},Lower GI,polyps,pathological-findings\n" for stem in STEMS)


def indexed(folder: Path, odd: Odd) -> tuple[int, dict[str, int]]:
    """How many samples the index has, and how many inputs are excluded by each reason."""
    source, files = folder / "source", make_polyps()
    source.mkdir()
    (source / LABEL_TABLE).write_bytes(files.pop(LABEL_TABLE))
    odd(source, files)
    recipe = write_recipe(folder, ["hyperkvasir"])
    request = BuildRequest(recipe=str(recipe), lake=str(folder / "lake"), sources={"hyperkvasir": str(source)})
    made = prepare(request, PIPELINE)
    (result,) = run_pipeline(made, PIPELINE[:1], run_in_threads(1), Unwatched())
    rows = read_table(made.lake, result.receipt.objects["exclusions"])
    counts = dict(rows.group_by("reason").len().rows())
    return read_table(made.lake, result.receipt.objects["samples"]).height, counts


def zipped(change: Callable[[list[tuple[str, bytes]]], list[tuple[str, bytes]]]) -> Odd:
    return lambda folder, files: _write(folder / POLYP_ZIP, zip_bytes(change([*files.items()])))


def renamed(change: Change) -> Odd:
    return zipped(lambda files: [(change(name), data) for name, data in files])


def with_table(text: str | bytes) -> Odd:
    def write(folder: Path, files: Files) -> None:
        _write(folder / POLYP_ZIP, zip_bytes(files.items()))
        _write(folder / LABEL_TABLE, text if isinstance(text, bytes) else text.encode())

    return write


def with_boxes(change: Callable[[bytes], bytes]) -> Odd:
    return zipped(lambda files: [(name, change(data) if name == POLYP_BOXES else data) for name, data in files])


def with_box(**changes: Any) -> Odd:
    def change(data: bytes) -> bytes:
        document = json.loads(data)
        document["a1"]["bbox"][0].update(changes)
        return json.dumps(document).encode()

    return with_boxes(change)


def with_entry(**changes: Any) -> Odd:
    def change(data: bytes) -> bytes:
        document = json.loads(data)
        document["a1"].update(changes)
        return json.dumps(document).encode()

    return with_boxes(change)


def packed(method: int) -> Odd:
    def write(folder: Path, files: Files) -> None:
        with zipfile.ZipFile(folder / POLYP_ZIP, "w", method) as archive:
            for name, data in files.items():
                archive.writestr(name, data)

    return write


def as_tar(folder: Path, files: Files) -> None:
    with tarfile.open(folder / "polyps.tar.gz", "w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def as_zip64(folder: Path, files: Files) -> None:
    with zipfile.ZipFile(folder / POLYP_ZIP, "w") as archive:
        for name, data in files.items():
            with archive.open(name, "w", force_zip64=True) as entry:
                entry.write(data)


def unpacked(folder: Path, files: Files) -> None:
    for name, data in files.items():
        _write(folder / name, data)


def twice(folder: Path, files: Files) -> None:
    for name in (POLYP_ZIP, "copy (2).zip"):
        _write(folder / name, zip_bytes(files.items()))


def inside_another(folder: Path, files: Files) -> None:
    _write(folder / "all.zip", zip_bytes([(POLYP_ZIP, zip_bytes(files.items()))]))


def edited(change: Callable[[bytes], bytes]) -> Odd:
    return lambda folder, files: _write(folder / POLYP_ZIP, change(zip_bytes(files.items())))


def misnamed(data: bytes) -> bytes:
    """The name of an entry, whose flag says UTF-8, in another encoding."""
    return data.replace("gr\u00f6".encode(), b"gr\x94 ")


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


FIRST = "segmented-images/images/a1.jpg"
READ: dict[str, Odd] = {
    "backslashes": renamed(lambda name: name.replace("/", "\\")),
    "slashes of both kinds": renamed(lambda name: name.replace("/", "\\", 1)),
    "names that begin with ./": renamed(lambda name: f"./{name}"),
    "deeper folders": renamed(lambda name: f"download/v1/{name}"),
    "double slashes": renamed(lambda name: name.replace("/", "//")),
    "extensions in capitals": renamed(lambda name: name.replace(".jpg", ".JPG")),
    "clutter of other systems": zipped(lambda files: [*files, ("__MACOSX/a", b"x"), (".DS_Store", b"x")]),
    "entries of folders": zipped(lambda files: [("segmented-images/", b""), *files]),
    "zip64": as_zip64,
    "deflate": packed(zipfile.ZIP_DEFLATED),
    "tar.gz": as_tar,
    "unpacked": unpacked,
    "an equal copy": twice,
    "bytes before the archive": edited(lambda data: b"#!/bin/sh\n" * 50 + data),
    "bytes after the archive": edited(lambda data: data + bytes(1000)),
    "table with a byte order mark": with_table("\ufeff" + HEAD + ROWS),
    "table with CR alone": with_table((HEAD + ROWS).replace("\n", "\r")),
    "table with CRLF": with_table((HEAD + ROWS).replace("\n", "\r\n")),
    "table with blanks around the names": with_table(HEAD.replace(",", " , ") + ROWS),
    "table with blank lines": with_table(HEAD + "\n" + ROWS.replace("\n", "\n\n")),
    "boxes with a byte order mark": with_boxes(lambda data: b"\xef\xbb\xbf" + data),
    "boxes in UTF-16": with_boxes(lambda data: data.decode().encode("utf-16")),
    "a negative zero": with_box(xmin=-0.0),
    "a box of fractions": with_box(xmin=15.5),
}


@pytest.mark.parametrize("case", READ)
def test_what_differs_in_form_alone_is_read_in_full(tmp_path: Path, case: str) -> None:
    samples, excluded = indexed(tmp_path, READ[case])
    assert samples == len(STEMS)
    assert excluded.keys() <= {"not_part_of_the_dataset", "duplicate_member"}


ONE: dict[str, tuple[Odd, str]] = {
    "a file twice": (zipped(lambda files: [*files, files[0]]), "duplicate_stem"),
    "a file twice with other content": (zipped(lambda files: [*files, (FIRST, files[1][1])]), "duplicate_stem"),
    "names that differ in case": (zipped(lambda files: [*files, (FIRST.replace("a1", "A1"), b"x")]), "duplicate_stem"),
    "a line break in a name": (renamed(lambda name: name.replace("a1", "a\n1")), "stem_invalid"),
    "blanks around a name": (renamed(lambda name: name.replace("a1", " a1 ")), "stem_invalid"),
    "a very long name": (renamed(lambda name: name.replace("a1", "a" * 5000)), "annotation_missing"),
    "a line break in a cell": (with_table(HEAD + ROWS.replace("Lower GI", '"Lower\nGI"', 1)), "label_row_conflict"),
    "a row twice": (with_table(HEAD + ROWS + ROWS.splitlines()[0] + "\n"), "duplicate_label_row"),
    "a row that contradicts another": (with_table(HEAD + ROWS + "a1,Upper GI,x,y\n"), "duplicate_label_row"),
    "a cell too many": (with_table(HEAD + ROWS.replace("\n", ",9\n", 1)), "label_row_invalid"),
    "a cell too few": (with_table(HEAD + ROWS.replace(",pathological-findings", "", 1)), "label_row_invalid"),
    "a zero byte": (with_table(HEAD + ROWS.replace("b2", "b\x002")), "label_row_missing"),
    "a key twice": (with_boxes(lambda data: data[:-1] + b', "a1": {}}'), "duplicate_stem"),
    "NaN": (with_box(xmin=float("nan")), "box_not_a_number"),
    "infinity": (with_box(xmax=float("inf")), "box_not_a_number"),
    "1e999": (with_boxes(lambda data: data.replace(b'"xmin": 15', b'"xmin": 1e999', 1)), "box_not_a_number"),
    "a number of 400 digits": (with_box(xmax=10**400), "box_not_a_number"),
    "a number as text": (with_box(xmin="15"), "box_not_a_number"),
    "true for a number": (with_box(xmin=True), "box_not_a_number"),
    "a negative edge": (with_box(xmin=-3), "box_outside_image"),
    "a size as text": (with_entry(width="64"), "size_invalid"),
    "an unknown label": (with_box(label="adenoma"), "label_unknown"),
    "a label in capitals": (with_box(label="POLYP"), "label_unknown"),
}


@pytest.mark.parametrize("case", ONE)
def test_one_odd_entry_costs_its_own_picture_alone(tmp_path: Path, case: str) -> None:
    odd, reason = ONE[case]
    samples, excluded = indexed(tmp_path, odd)
    assert samples == len(STEMS) - 1
    assert reason in excluded


REFUSED: dict[str, tuple[Odd, str]] = {
    "an absolute name": (zipped(lambda files: [*files, ("/etc/evil.jpg", b"x")]), "unsafe path of entry"),
    "a name of a drive": (renamed(lambda name: f"C:\\data\\{name}"), "unsafe path of entry"),
    "a name that leads out": (zipped(lambda files: [*files, ("../evil.jpg", b"x")]), "unsafe path of entry"),
    "an empty name": (zipped(lambda files: [*files, ("", b"x")]), "empty name"),
    "a name in another encoding": (
        lambda folder, files: _write(
            folder / POLYP_ZIP, misnamed(zip_bytes([*files.items(), ("segmented-images/images/gr\u00f6.jpg", b"x")]))
        ),
        "the name of an entry is not UTF-8",
    ),
    "lzma": (packed(zipfile.ZIP_LZMA), "Pack the archive again with deflate"),
    "bzip2": (packed(zipfile.ZIP_BZIP2), "Pack the archive again with deflate"),
    "an archive in an archive": (inside_another, "unpack the archive that holds that one"),
    "a cut archive": (edited(lambda data: data[:-200]), "it was cut off"),
    "an empty archive": (zipped(lambda _: []), "the file is missing; found image-labels.csv"),
    "a table in UTF-16": (with_table((HEAD + ROWS).encode("utf-16")), "is not UTF-8 text"),
    "a table in Latin-1": (with_table((HEAD + ROWS).replace("Lower", "L\u00f6wer").encode("latin-1")), "not UTF-8"),
    "semicolons": (with_table((HEAD + ROWS).replace(",", ";")), "lacks the columns"),
    "a head alone": (with_table(HEAD), "label_row_missing"),
    "an empty table": (with_table(""), "found an empty file"),
    "a quotation mark without end": (with_table(HEAD + ROWS + '"' + ROWS), "is not CSV"),
    "boxes that are cut": (with_boxes(lambda data: data[:-20]), "is not JSON"),
    "boxes as a list": (with_boxes(lambda _: b"[]"), "not a JSON object"),
    "boxes with comments": (with_boxes(lambda data: b"// by hand\n" + data), "is not JSON"),
    "boxes nested 3,000 times": (
        with_boxes(lambda data: data[:-1] + b', "zz": ' + b"[" * 3000 + b"]" * 3000 + b"}"),
        "is not JSON",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_refused_with_what_is_wrong(tmp_path: Path, case: str) -> None:
    odd, said = REFUSED[case]
    with pytest.raises(PipelineError) as stopped:
        indexed(tmp_path, odd)
    assert stopped.value.exit_code == 1
    assert said in str(stopped.value)
