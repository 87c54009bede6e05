"""One member of a large remote zip is read without the rest; a source is fetched as a whole."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from medmultipoints.data_lake.catalogue import read_source
from medmultipoints.data_lake.fetch.download import fetch_file, fetch_source
from medmultipoints.transforms.errors import DataError, MachineError
from tests.data_lake.fetch.downloads import CONTENT, QUICK, TABLE, big_zip, table_of, visible
from tests.data_lake.fetch.file_server import FileServer, serve


@pytest.fixture
def zip_server() -> Iterator[FileServer]:
    with serve({"/big.zip": big_zip()}) as running:
        yield running


def test_one_member_comes_without_the_rest(zip_server: FileServer, tmp_path: Path) -> None:
    """Of 20 MB, a few pieces; again, nothing."""
    path = fetch_file(table_of(zip_server), tmp_path, policy=QUICK)
    assert path.read_bytes() == TABLE
    assert zip_server.sent < 4_000_000
    requests = len(zip_server.asked)
    assert fetch_file(table_of(zip_server), tmp_path, policy=QUICK) == path
    assert len(zip_server.asked) == requests


def test_a_member_survives_drops_and_busy_servers(zip_server: FileServer, tmp_path: Path) -> None:
    """Every piece is asked for again on its own."""
    zip_server.faults = [503, "drop", "none", "drop", 503]
    assert fetch_file(table_of(zip_server), tmp_path, policy=QUICK).read_bytes() == TABLE


def test_a_server_without_ranges_is_told_apart(zip_server: FileServer, tmp_path: Path) -> None:
    """The whole zip is not downloaded by accident."""
    zip_server.ranges = False
    with pytest.raises(MachineError, match="does not send parts of a file .*--source ours=PATH"):
        fetch_file(table_of(zip_server), tmp_path, source="ours", policy=QUICK)
    assert visible(tmp_path) == []


def test_a_member_with_another_hash_is_refused(zip_server: FileServer, tmp_path: Path) -> None:
    """The message names what was found and what is accepted."""
    with pytest.raises(DataError, match=f"has sha256 {hashlib.sha256(TABLE).hexdigest()}, accepted are {'0' * 64}"):
        fetch_file(table_of(zip_server, sha256=["0" * 64]), tmp_path, policy=QUICK)
    assert visible(tmp_path) == []


def test_a_zip_without_the_member_is_refused(zip_server: FileServer, tmp_path: Path) -> None:
    """The message names the member."""
    with pytest.raises(DataError, match=r"the zip has no member elsewhere\.csv"):
        fetch_file(table_of(zip_server, member="elsewhere.csv"), tmp_path, policy=QUICK)


def test_a_remote_file_that_is_no_zip_is_refused(zip_server: FileServer, tmp_path: Path) -> None:
    """An error page in place of the archive."""
    zip_server.files = {"/big.zip": b"<html>moved</html>" * 100}
    with pytest.raises(DataError, match="cannot be read: File is not a zip file"):
        fetch_file(table_of(zip_server), tmp_path, policy=QUICK)


def test_a_source_is_fetched_as_a_whole(zip_server: FileServer, tmp_path: Path) -> None:
    """Required archives and members land in one folder; the rest is left out."""
    zip_server.files["/set.zip"] = CONTENT
    info = read_source(
        f"""
        name = "ours"
        reader = "ours"
        labels = ["polyps"]
        title = "Ours"
        homepage = "https://example.org"
        licence = "CC-BY-4.0"
        citation = "Us"
        [[archives]]
        name = "set.zip"
        url = "{zip_server.url}/set.zip"
        [[archives]]
        name = "big.zip"
        url = "{zip_server.url}/big.zip"
        required = false
        [[members]]
        name = "image-labels.csv"
        url = "{zip_server.url}/big.zip"
        member = "labeled-images/image-labels.csv"
        sha256 = ["{hashlib.sha256(TABLE).hexdigest()}"]
        """.encode(),
        "ours.toml",
    )
    assert visible(fetch_source(info, tmp_path / "ours")) == ["image-labels.csv", "set.zip"]
