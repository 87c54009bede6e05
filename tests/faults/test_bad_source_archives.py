"""Archives that cannot be trusted stop the build, each with its name; one damaged member costs its own picture."""

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from medmultipoints.flows.engine.prepare import prepare
from medmultipoints.flows.engine.request import BuildRequest
from medmultipoints.flows.stages.pipeline import PIPELINE
from medmultipoints.transforms.errors import PipelineError, SourceDataError
from tests.faults.building import build, check_closed, excluded, message_of_stop, released
from tests.faults.tiny_sources import (
    INSTRUMENT_ZIP,
    LABEL_TABLE,
    POLYP_BOXES,
    POLYP_ZIP,
    VIDEO,
    Files,
    make_frames,
    make_instruments,
    make_polyps,
    nest,
    polyp,
    tar_gz_bytes,
    write_frames,
    write_instruments,
    write_polyps,
    zip_bytes,
)

AGAIN = "Get the official archive again."
SAME = "or a folder that holds the same."
POLYP_REMEDY = f"Give hyper-kvasir-segmented-images.zip and image-labels.csv, {SAME}"
INSTRUMENT_REMEDY = f"Give kvasir-instrument.zip, {SAME}"
VISEM_REMEDY = "Give VISEM_tracking.zip, or a folder that holds the folders of the videos."


def flip(archive: bytes, member: str) -> bytes:
    """The zip with one byte in the middle of a stored member flipped."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        info = opened.getinfo(member)
    changed = bytearray(archive)
    changed[info.header_offset + 30 + len(member) + info.file_size // 2] ^= 0xFF
    return bytes(changed)


def encrypt(archive: bytes) -> bytes:
    """The zip with the encryption flag of its entries set, in the local headers and the directory."""
    changed = bytearray(archive)
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        position = changed.find(magic)
        while position >= 0:
            changed[position + offset] |= 1
            position = changed.find(magic, position + 4)
    return bytes(changed)


@pytest.mark.slow
def test_a_flipped_byte_costs_one_picture(tmp_path: Path, polyps: Files) -> None:
    """In a picture and in a mask; everything else of the archive is released."""
    source = write_polyps(tmp_path / "polyps", polyps)
    data = (source / POLYP_ZIP).read_bytes()
    (source / POLYP_ZIP).write_bytes(flip(flip(data, polyp("b2")), polyp("c3", "masks")))
    outcome = build(tmp_path, {"hyperkvasir": source})
    damage = f"in {POLYP_ZIP}: its CRC-32 does not match"
    assert excluded(outcome) == {
        "hyperkvasir/b2": ("rejected", "member_damaged", f"{polyp('b2')} {damage}"),
        "hyperkvasir/c3": ("rejected", "member_damaged", f"{polyp('c3')}: {polyp('c3', 'masks')} {damage}"),
    }
    assert released(outcome) == {f"hyperkvasir/{stem}" for stem in ("a1", "d4", "e5", "f6")}
    check_closed(outcome)


def test_a_bad_archive_is_told_before_another_source_is_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the source that is to be downloaded comes first in the recipe, and cannot be."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    archive = tmp_path / "kvasir-instrument.zip"
    archive.write_bytes(b"<html>Moved</html>")
    given = {"kvasir_instrument": str(archive)}
    request = BuildRequest(recipe="published", lake=str(tmp_path / "lake"), sources=given)
    with pytest.raises(PipelineError, match=rf"^kvasir_instrument: {archive}: damaged zip"):
        prepare(request, PIPELINE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (encrypt, f"encrypted: entry '{polyp('a1')}' needs a password. Give an archive without encryption."),
        (
            lambda data: data[: len(data) // 2],
            f"damaged zip: it was cut off, or its end is damaged. {AGAIN}",
        ),
        (lambda data: b"", f"damaged zip: it is empty. {AGAIN}"),
        (lambda data: b"<html>Moved</html>", f"damaged zip: it is a web page. {AGAIN}"),
        (lambda data: zip_bytes([("../evil.jpg", b"")]), f"unsafe path of entry '../evil.jpg'. {AGAIN}"),
        (lambda data: zip_bytes([("/etc/passwd", b"")]), f"unsafe path of entry '/etc/passwd'. {AGAIN}"),
    ],
    ids=["encrypted", "cut-off", "empty", "web-page", "traversal", "absolute"],
)
def test_a_bad_zip_stops_the_build(
    tmp_path: Path, polyps: Files, change: Callable[[bytes], bytes], message: str
) -> None:
    source = write_polyps(tmp_path / "polyps", polyps)
    (source / POLYP_ZIP).write_bytes(change((source / POLYP_ZIP).read_bytes()))
    assert message_of_stop(tmp_path, {"hyperkvasir": source}, exit_code=1) == f"hyperkvasir: {POLYP_ZIP}: {message}"


def test_a_flipped_byte_in_the_box_file_stops_the_build(tmp_path: Path, polyps: Files) -> None:
    source = write_polyps(tmp_path / "polyps", polyps)
    (source / POLYP_ZIP).write_bytes(flip((source / POLYP_ZIP).read_bytes(), POLYP_BOXES))
    assert message_of_stop(tmp_path, {"hyperkvasir": source}, exit_code=1) == (
        f"hyperkvasir: {POLYP_BOXES}: {POLYP_BOXES} in {POLYP_ZIP}: its CRC-32 does not match. {AGAIN}"
    )


def test_an_archive_that_lists_its_box_file_twice_stops_the_build(tmp_path: Path, polyps: Files) -> None:
    """Nothing says which of the two is right."""
    source = write_polyps(tmp_path / "polyps", polyps, twice=[POLYP_BOXES])
    assert message_of_stop(tmp_path, {"hyperkvasir": source}, exit_code=1) == (
        f"hyperkvasir: {POLYP_BOXES}: the archive lists this file twice. Give an archive that holds it once."
    )


def linked_tar() -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        link = tarfile.TarInfo("images/a1.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return data.getvalue()


IMAGES = "kvasir-instrument/images.tar.gz"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda data: tar_gz_bytes([("../../evil.jpg", b"")]), "unsafe path of entry '../../evil.jpg'"),
        (lambda data: tar_gz_bytes([("/etc/passwd", b"")]), "unsafe path of entry '/etc/passwd'"),
        (lambda data: linked_tar(), "entry 'images/a1.jpg' is a link to '/etc/passwd', not a file"),
        (lambda data: data[:-30], "damaged gzip: Compressed file ended before the end-of-stream marker was reached"),
        (lambda data: b"no tar", "damaged tar: "),
    ],
    ids=["traversal", "absolute", "link", "cut-off", "no-tar"],
)
def test_a_bad_tar_inside_the_zip_stops_the_build(
    tmp_path: Path, instruments: Files, change: Callable[[bytes], bytes], problem: str
) -> None:
    """With the path of both archives; nothing is written outside the lake."""
    members = nest(instruments)
    members[IMAGES] = change(members[IMAGES])
    folder = tmp_path / "instruments"
    folder.mkdir()
    (folder / INSTRUMENT_ZIP).write_bytes(zip_bytes(members.items()))
    message = message_of_stop(tmp_path, {"kvasir_instrument": folder}, exit_code=1)
    assert message.startswith(f"kvasir_instrument: {INSTRUMENT_ZIP}/{IMAGES}: {problem}")
    assert message.endswith(AGAIN)
    assert not list(tmp_path.rglob("evil.jpg"))


def test_a_tar_that_is_damaged_inside_its_zip_stops_the_build(tmp_path: Path, instruments: Files) -> None:
    folder = write_instruments(tmp_path / "instruments", instruments)
    (folder / INSTRUMENT_ZIP).write_bytes(flip((folder / INSTRUMENT_ZIP).read_bytes(), IMAGES))
    assert message_of_stop(tmp_path, {"kvasir_instrument": folder}, exit_code=1) == (
        f"kvasir_instrument: {INSTRUMENT_ZIP}: {IMAGES} in {INSTRUMENT_ZIP}: "
        f"its length or CRC-32 does not match. {AGAIN}"
    )


MISSING_POLYPS = "bounding-boxes.json: the file is missing; found"
MISSING_INSTRUMENTS = "bboxes.json: the file is missing; found"
MISSING_VIDEOS = "the archive: has no <id>/images/<id>_frame_<n>.jpg and no <id>/<id>.mp4; found"
WRITERS: dict[str, Callable[[Path], Path]] = {
    "hyperkvasir": lambda folder: write_polyps(folder, make_polyps()),
    "kvasir_instrument": lambda folder: write_instruments(folder, make_instruments()),
    "visem_tracking": lambda folder: write_frames(folder, make_frames()),
}


@pytest.mark.parametrize(
    ("source", "given", "beginning", "remedy"),
    [
        ("hyperkvasir", "kvasir_instrument", f"{MISSING_POLYPS} kvasir-instrument/bboxes.json", POLYP_REMEDY),
        ("hyperkvasir", "visem_tracking", f"{MISSING_POLYPS} {VIDEO}/images/", POLYP_REMEDY),
        ("kvasir_instrument", "hyperkvasir", f"{MISSING_INSTRUMENTS} {LABEL_TABLE}", INSTRUMENT_REMEDY),
        ("kvasir_instrument", "visem_tracking", f"{MISSING_INSTRUMENTS} {VIDEO}/images/", INSTRUMENT_REMEDY),
        ("visem_tracking", "hyperkvasir", f"{MISSING_VIDEOS} {LABEL_TABLE}", VISEM_REMEDY),
        ("visem_tracking", "kvasir_instrument", f"{MISSING_VIDEOS} kvasir-instrument/bboxes.json", VISEM_REMEDY),
    ],
)
def test_the_archive_of_another_source_stops_the_build(
    tmp_path: Path, source: str, given: str, beginning: str, remedy: str
) -> None:
    """With what is missing, what was found instead, and what to give."""
    message = message_of_stop(tmp_path, {source: WRITERS[given](tmp_path / given)}, exit_code=1)
    assert message.startswith(f"{source}: {beginning}")
    assert message.endswith(remedy)


def test_a_file_that_is_missing_is_told_with_the_folder(tmp_path: Path) -> None:
    folder = write_polyps(tmp_path / "polyps", {})
    with pytest.raises(SourceDataError, match=rf"^hyperkvasir: bounding-boxes\.json in {folder}: the file is missing"):
        build(tmp_path, {"hyperkvasir": folder})


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("notes.txt", b"hello", f"{MISSING_POLYPS} notes.txt."),
        ("set.zip", zip_bytes([]), f"{MISSING_POLYPS} no files at all."),
    ],
)
def test_a_file_without_the_data_stops_the_build(tmp_path: Path, name: str, content: bytes, problem: str) -> None:
    (tmp_path / name).write_bytes(content)
    message = message_of_stop(tmp_path, {"hyperkvasir": tmp_path / name}, exit_code=1)
    assert message == f"hyperkvasir: {problem} {POLYP_REMEDY}"


def test_an_empty_folder_stops_the_build(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    assert message_of_stop(tmp_path, {"hyperkvasir": tmp_path / "nothing"}, exit_code=1) == (
        f"hyperkvasir: {tmp_path / 'nothing'}: the folder has no files. Put the source's files or archives there."
    )
