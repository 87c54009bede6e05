"""What is unsafe, damaged, encrypted or a bomb is refused by name; one damaged member spoils only itself."""

import gzip
import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from medmultipoints.data_lake.archives import tars, zips
from medmultipoints.data_lake.archives.entries import Limits, Origin, check_size
from medmultipoints.data_lake.archives.local_files import local_files
from medmultipoints.data_lake.archives.source_files import SourceFiles, Unpacking
from medmultipoints.transforms.errors import MemberProblem, SourceDataError, UsageError
from tests.data_lake.archives.archive_bytes import FILES, TWO, tar_of, zip_of

ORIGIN = Origin("ours", "set.zip")


def test_a_damaged_member_is_that_samples_problem(opened: Callable[..., SourceFiles]) -> None:
    """One flipped byte spoils one member; the others are still read."""
    data = bytearray(zip_of(FILES, zipfile.ZIP_STORED))
    data[data.index(b"picture b") + 3] ^= 1
    files = opened(bytes(data))
    assert files.read("set/images/a.jpg") == FILES["set/images/a.jpg"]
    with pytest.raises(MemberProblem) as caught:
        files.read("set/images/b.jpg")
    assert caught.value.reason == "member_damaged"
    assert caught.value.detail == "set/images/b.jpg in set.zip: its CRC-32 does not match"


def test_a_member_whose_deflate_stream_is_damaged(opened: Callable[..., SourceFiles]) -> None:
    """Errors of the decompressor are the member's problem too."""
    data = bytearray(zip_of({"a.jpg": os.urandom(50) * 40}))
    start = data.index(b"a.jpg") + 5
    data[start : start + 40] = b"\xff" * 40
    with pytest.raises(MemberProblem, match="member_damaged: a.jpg in set.zip"):
        opened(bytes(data)).read("a.jpg")


def test_a_member_larger_than_promised_is_not_unpacked(opened: Callable[..., SourceFiles]) -> None:
    """A false size in the directory does not get past the reader."""
    data = zip_of({"a.bin": bytes(100_000)}).replace((100_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    with pytest.raises(MemberProblem, match="11 bytes where the directory says 10"):
        opened(data).read("a.bin")


def special_entry(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def encrypted(data: bytes) -> bytes:
    """The zip with the encryption flag of its entries set, in the local headers and the directory."""
    changed = bytearray(data)
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        position = changed.find(magic)
        while position >= 0:
            changed[position + offset] |= 1
            position = changed.find(magic, position + 4)
    return bytes(changed)


def linked_zip() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        info = zipfile.ZipInfo("images/a.jpg")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    return data.getvalue()


def bad_header(data: bytes) -> bytes:
    """The tar with its second header spoilt."""
    return data[:1024] + b"X" * 512 + data[1536:]


@pytest.mark.parametrize(
    ("name", "data", "problem"),
    [
        ("set.zip", encrypted(zip_of(FILES)), "set.zip: encrypted: entry 'set/images/a.jpg' needs a password"),
        ("set.zip", b"not a zip at all", "set.zip: damaged zip: File is not a zip file"),
        ("set.zip", zip_of(FILES)[:-40], "set.zip: damaged zip"),
        ("set.zip", b"", "set.zip: damaged zip"),
        ("set.zip", zip_of({"/etc/passwd": b""}), "set.zip: unsafe path of entry '/etc/passwd'"),
        ("set.zip", zip_of({"images/../../x": b""}), "set.zip: unsafe path of entry 'images/../../x'"),
        ("set.zip", zip_of({"..\\x": b""}), "set.zip: unsafe path of entry"),
        ("set.zip", zip_of({"C:/x": b""}), "set.zip: unsafe path of entry 'C:/x'"),
        ("set.zip", linked_zip(), "set.zip: entry 'images/a.jpg' is a link"),
        ("set.zip", zip_of(TWO, zipfile.ZIP_LZMA), "set.zip: entry 'a.jpg' has compression method 14"),
        ("set.zip", zip_of({"z.bin": bytes(11 << 20)}), "set.zip: entry 'z.bin' unpacks from .* a decompression bomb"),
        ("set.zip", zip_of({"images.tar.gz": b"no tar"}), "set.zip/images.tar.gz: damaged tar"),
        ("set.tar", tar_of({"../x": b""}), "set.tar: unsafe path of entry '../x'"),
        ("set.tar", tar_of({"/x": b""}), "set.tar: unsafe path of entry '/x'"),
        ("set.tar", tar_of({}, special_entry("a.jpg", tarfile.SYMTYPE, "/etc/passwd")), "a link to '/etc/passwd'"),
        ("set.tar", tar_of({}, special_entry("a.jpg", tarfile.LNKTYPE, "b.jpg")), "set.tar: entry 'a.jpg' is a link"),
        ("set.tar", tar_of({}, special_entry("a.jpg", tarfile.CHRTYPE)), "set.tar: entry 'a.jpg' is a device"),
        ("set.tar", tar_of(TWO)[:1300], "set.tar: damaged tar"),
        ("set.tar", bad_header(tar_of(TWO)), "set.tar: damaged tar: no valid header at byte 1,024"),
        ("set.tar.gz", gzip.compress(tar_of(TWO), mtime=0)[:-20], "set.tar.gz: damaged gzip"),
        ("set.tar.gz", b"\x1f\x8b" + bytes(50), "set.tar.gz: damaged gzip"),
        ("set.tar.gz", gzip.compress(bytes(40 << 20), mtime=0), "set.tar.gz: entry .* a decompression bomb"),
    ],
)
def test_bad_archives_stop_the_source(
    opened: Callable[..., SourceFiles], tmp_path: Path, name: str, data: bytes, problem: str
) -> None:
    """The message names the source, the archive, the entry and the fault; nothing half-unpacked stays."""
    with pytest.raises(SourceDataError, match=problem) as caught:
        opened(data, name)
    assert str(caught.value).startswith("ours: ")
    assert not list(tmp_path.glob("scratch/*.unfinished")) + list(tmp_path.glob("scratch/*.tar"))[1:]


def test_a_nested_tar_that_is_damaged_in_its_zip_stops_the_source(opened: Callable[..., SourceFiles]) -> None:
    """A container cannot be rejected as a sample."""
    packed = gzip.compress(tar_of(TWO), mtime=0)
    data = bytearray(zip_of({"images.tar.gz": packed}, zipfile.ZIP_STORED))
    data[data.index(packed) + 20] ^= 1
    with pytest.raises(SourceDataError, match=r"set\.zip: images\.tar\.gz in set\.zip: its length or CRC-32"):
        opened(bytes(data))


@pytest.mark.slow
def test_a_nested_tar_larger_than_promised_is_not_unpacked_to_its_end(tmp_path: Path) -> None:
    """The reader stops at the first piece beyond the stated size, whatever is still to come."""
    data = zip_of({"a.tar": bytes(100 << 20)}).replace((100 << 20).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    (tmp_path / "set.zip").write_bytes(data)
    (entry,) = zips.zip_entries(tmp_path / "set.zip", ORIGIN)
    with pytest.raises(MemberProblem, match="more than the 10 bytes that the directory says"):
        next(zips.stream_entry(entry))


def test_names_that_are_no_text_stop_the_source(opened: Callable[..., SourceFiles], tmp_path: Path) -> None:
    """They could stand in no table."""
    with pytest.raises(SourceDataError, match=r"set\.tar: the name of entry 'a\\udcff\.jpg' is not valid text"):
        opened(tar_of({"a\udcff.jpg": b"A"}), "set.tar")
    folder = tmp_path / "loose"
    folder.mkdir()
    (folder / "a\udcff.jpg").write_bytes(b"A")
    with pytest.raises(UsageError, match=r"the file name 'a\\udcff\.jpg' is not valid UTF-8"):
        local_files(folder)


def test_limits_on_size_and_number_of_entries(tmp_path: Path) -> None:
    """Too many or too large entries are taken for a bomb, in zips and tars."""
    (tmp_path / "two.zip").write_bytes(zip_of(TWO))
    (tmp_path / "two.tar").write_bytes(tar_of(TWO))
    for listing in (
        lambda limits: zips.zip_entries(tmp_path / "two.zip", ORIGIN, limits),
        lambda limits: tars.tar_entries(tmp_path / "two.tar", ORIGIN, limits),
    ):
        with pytest.raises(SourceDataError, match="entries, more than the 1 allowed"):
            listing(Limits(max_entries=1))
        with pytest.raises(SourceDataError, match="entry 'a.jpg' is 1 bytes, more than the 0 allowed"):
            listing(Limits(max_entry_bytes=0))


def test_nested_archives_have_a_limit_together(tmp_path: Path) -> None:
    """Each may be below the limits of one: the first that passes the sum is refused."""
    packed = [gzip.compress(tar_of({f"{number}.jpg": bytes(100_000)}), mtime=0) for number in range(5)]
    room = Unpacking(tmp_path, sum(map(len, packed)), Limits(sum_from_bytes=250_000))
    assert all(room.unpack(lambda data=data: [data], ORIGIN).is_file() for data in packed[:2])
    with pytest.raises(SourceDataError, match="its nested archives unpack to 3[0-9,]+ bytes and more"):
        room.unpack(lambda: [packed[2]], ORIGIN)


@pytest.mark.parametrize(
    ("name", "size", "packed", "problem"),
    [
        ("labels.json", 3 << 30, 3 << 30, "more than the 2,147,483,648 allowed for its kind"),
        ("labels.json", 11 << 20, 100 << 10, "a decompression bomb"),
        ("a.PNG", 600 << 20, 600 << 20, "more than the 536,870,912 allowed for its kind"),
        ("a.jpg", 500 << 20, 400 << 10, "a decompression bomb"),
        ("film.mp4", 9 << 30, 9 << 30, "more than the 8,589,934,592 allowed"),
    ],
)
def test_each_kind_of_entry_has_limits_of_its_own(name: str, size: int, packed: int, problem: str) -> None:
    with pytest.raises(SourceDataError, match=problem):
        check_size(name, size, packed, ORIGIN)


@pytest.mark.parametrize(
    ("name", "size", "packed"),
    [("labels.json", 9 << 20, 9 << 10), ("labels.json", 1 << 30, 20 << 20), ("a.png", 400 << 20, 1 << 20)],
)
def test_real_entries_pass(name: str, size: int, packed: int) -> None:
    """Coordinates compress to a tenth, an empty mask of 100 megapixels to less than a thousandth below 10 MiB."""
    check_size(name, size, packed, ORIGIN)


@pytest.mark.parametrize("name", [b"\0.jpg", b"a\0jpg"])
def test_a_zero_byte_in_a_name_is_an_unsafe_path(tmp_path: Path, name: bytes) -> None:
    """Found by the guided fuzz: the library cuts names there, and failed on one of which nothing is left."""
    (tmp_path / "set.zip").write_bytes(zip_of({"x.jpg": b"A"}).replace(b"x.jpg", name))
    with pytest.raises(SourceDataError, match="unsafe path of entry|empty name"):
        zips.zip_entries(tmp_path / "set.zip", ORIGIN)
