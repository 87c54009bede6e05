"""Downloads survive what networks do, and never let unverified bytes through."""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from medmultipoints.data_lake.catalogue import Archive
from medmultipoints.data_lake.fetch.download import fetch_file
from medmultipoints.data_lake.http import resumable
from medmultipoints.transforms.errors import DataError, MachineError, UsageError
from tests.data_lake.fetch.downloads import CONTENT, QUICK, SHA256, archive, visible
from tests.data_lake.fetch.file_server import FileServer, serve


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serve({"/set.zip": CONTENT}) as running:
        yield running


def test_download_is_verified_and_takes_its_name_at_the_end(server: FileServer, tmp_path: Path) -> None:
    """Progress ends at the whole size; a second call asks the server nothing."""
    steps: list[tuple[int, int | None]] = []
    wanted = archive(server, "0" * 64, SHA256)
    path = fetch_file(wanted, tmp_path, lambda *step: steps.append(step), policy=QUICK)
    assert path.read_bytes() == CONTENT
    assert steps[-1] == (len(CONTENT), len(CONTENT))
    assert visible(tmp_path) == ["set.zip"]
    fetch_file(wanted, tmp_path, policy=QUICK)
    assert len(server.asked) == 1


def test_a_dropped_connection_is_resumed(server: FileServer, tmp_path: Path) -> None:
    """Four drops in a row, each after progress, are more than the attempts that failures without progress have."""
    server.faults = ["drop"] * 4
    assert fetch_file(archive(server, SHA256), tmp_path, policy=QUICK).read_bytes() == CONTENT
    assert server.asked[0] is None
    assert server.asked[1] == f"bytes={len(CONTENT) // 2}-"
    assert server.sent == len(CONTENT)


def test_a_later_run_resumes_what_an_earlier_one_left(server: FileServer, tmp_path: Path) -> None:
    """The part survives the process."""
    server.faults = ["drop", 503, 503, 503]
    with pytest.raises(MachineError, match="the server answers 503 .given up after 3 attempts without progress"):
        fetch_file(archive(server, SHA256), tmp_path, policy=QUICK)
    assert visible(tmp_path) == []
    fetch_file(archive(server, SHA256), tmp_path, policy=QUICK)
    assert server.sent == len(CONTENT)


def test_errors_of_the_server_are_retried(server: FileServer, tmp_path: Path) -> None:
    """A busy server is asked again."""
    server.faults = [503, 429]
    assert fetch_file(archive(server, SHA256), tmp_path, policy=QUICK).read_bytes() == CONTENT


def test_a_server_without_range_starts_again(server: FileServer, tmp_path: Path) -> None:
    """The part is thrown away rather than continued with the wrong bytes."""
    server.ranges, server.faults = False, ["drop"]
    assert fetch_file(archive(server, SHA256), tmp_path, policy=QUICK).read_bytes() == CONTENT


def test_a_file_that_changed_on_the_server_starts_again(server: FileServer, tmp_path: Path) -> None:
    """The validator of the first part no longer holds."""
    server.faults = ["drop", 503, 503, 503]
    with pytest.raises(MachineError):
        fetch_file(archive(server), tmp_path, policy=QUICK)
    server.files["/set.zip"], server.etag = CONTENT[::-1], '"v2"'
    assert fetch_file(archive(server), tmp_path, policy=QUICK).read_bytes() == CONTENT[::-1]


def test_a_spoilt_part_is_downloaded_again(server: FileServer, tmp_path: Path) -> None:
    """A wrong hash after resuming may be the part's fault: one more try from the start."""
    server.faults = ["drop", 503, 503, 503]
    with pytest.raises(MachineError):
        fetch_file(archive(server, SHA256), tmp_path, policy=QUICK)
    part = tmp_path / ".set.zip.part"
    part.write_bytes(bytes(part.stat().st_size))
    assert fetch_file(archive(server, SHA256), tmp_path, policy=QUICK).read_bytes() == CONTENT


def test_a_part_that_is_whole_only_needs_its_name(server: FileServer, tmp_path: Path) -> None:
    """Killed between the last byte and the renaming."""
    server.faults = ["drop", 503, 503, 503]
    with pytest.raises(MachineError):
        fetch_file(archive(server, SHA256), tmp_path, policy=QUICK)
    (tmp_path / ".set.zip.part").write_bytes(CONTENT)
    assert fetch_file(archive(server, SHA256), tmp_path, policy=QUICK).read_bytes() == CONTENT
    assert server.sent == len(CONTENT) // 2


@pytest.mark.parametrize("fault", ["swap", "swap_tag"])
def test_two_versions_mixed_within_one_download_start_again_from_zero(
    server: FileServer, tmp_path: Path, fault: str
) -> None:
    """A server that continues with another content: noticed by its ETag, or by the hash of the whole."""
    server.faults = [fault]
    new = hashlib.sha256(CONTENT[::-1]).hexdigest()
    assert fetch_file(archive(server, new), tmp_path, policy=QUICK).read_bytes() == CONTENT[::-1]
    assert server.asked == [None, f"bytes={len(CONTENT) // 2}-", None]


@pytest.mark.parametrize("known", [{"bytes": 100_000}, {"bytes": None}])
def test_a_download_of_unstated_size_has_a_limit(
    server: FileServer, tmp_path: Path, known: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice what the catalogue knows, or a fixed size; what came is removed."""
    monkeypatch.setattr(resumable, "UNSTATED", 200_000)
    server.endless = True
    with pytest.raises(MachineError, match="sends more than the 200,000 bytes that this file may have"):
        fetch_file(archive(server, SHA256, **known), tmp_path, policy=QUICK)
    assert [path.suffix for path in tmp_path.iterdir()] in ([], [".lock"])


def test_a_wrong_hash_is_set_aside(server: FileServer, tmp_path: Path) -> None:
    """The file never gets its name; the message gives both ways on."""
    with pytest.raises(DataError) as caught:
        fetch_file(archive(server, "0" * 64), tmp_path, source="ours", policy=QUICK)
    assert f"set.zip has sha256 {SHA256}, accepted are" in str(caught.value)
    assert f"--source ours={tmp_path / '.set.zip.bad'}" in str(caught.value)
    assert visible(tmp_path) == []
    assert (tmp_path / ".set.zip.bad").read_bytes() == CONTENT


def test_sha384_is_accepted_where_only_that_is_known(server: FileServer, tmp_path: Path) -> None:
    """Older packings are known by another hash."""
    wanted = archive(server, "0" * 64, sha384=[hashlib.sha384(CONTENT).hexdigest()])
    assert fetch_file(wanted, tmp_path, policy=QUICK).is_file()


def test_a_foreign_file_under_the_name_is_not_replaced(server: FileServer, tmp_path: Path) -> None:
    """Someone's file is theirs to remove."""
    (tmp_path / "set.zip").write_bytes(b"mine")
    with pytest.raises(DataError, match="its hash is not an accepted one of ours. Remove it"):
        fetch_file(archive(server, SHA256), tmp_path, source="ours", policy=QUICK)


def test_a_missing_file_is_not_asked_for_again(server: FileServer, tmp_path: Path) -> None:
    """404 does not get better; the message holds the command for a person."""
    wanted = Archive(name="gone.zip", url=f"{server.url}/gone.zip?download=1")
    with pytest.raises(MachineError) as caught:
        fetch_file(wanted, tmp_path, source="ours", policy=QUICK)
    assert f"curl --fail --location --continue-at - --output gone.zip '{wanted.url}'" in str(caught.value)
    assert "the server answers 404" in str(caught.value)
    assert "--source ours=PATH" in str(caught.value)
    assert len(server.asked) == 1


def test_no_network_ends_with_what_to_do(tmp_path: Path) -> None:
    """A port where nobody listens."""
    with serve({}) as stopped:
        pass
    with pytest.raises(MachineError, match="Check the network, or get the file by hand .curl .* --source NAME=PATH"):
        fetch_file(archive(stopped), tmp_path, policy=QUICK)


def test_too_small_a_disk_is_seen_before_the_download(server: FileServer, tmp_path: Path) -> None:
    """No server sends more than the disk of this machine holds, but one may say so."""
    free = shutil.disk_usage(tmp_path).free
    server.files = {"/set.zip": _Pretends(free * 2)}
    with pytest.raises(MachineError, match="MiB are still to come, but only"):
        fetch_file(archive(server), tmp_path, policy=QUICK)


class _Pretends(bytes):
    """Bytes whose announced length is another."""

    def __new__(cls, length: int) -> "_Pretends":
        made = super().__new__(cls, b"x")
        made.length = length
        return made

    length: int

    def __len__(self) -> int:
        return self.length


def test_a_folder_that_cannot_be_made_is_the_machines_fault(server: FileServer, tmp_path: Path) -> None:
    """A file stands where the landing folder should be."""
    (tmp_path / "landing").write_bytes(b"")
    with pytest.raises(MachineError, match="the landing folder .*landing"):
        fetch_file(archive(server), tmp_path / "landing", policy=QUICK)


def test_two_downloads_of_one_file_do_not_mix(server: FileServer, tmp_path: Path) -> None:
    """The second is told to wait."""
    with FileLock(tmp_path / ".set.zip.lock"), pytest.raises(MachineError, match="another process is downloading it"):
        fetch_file(archive(server), tmp_path, policy=QUICK)


def test_a_file_that_is_there_is_taken_while_another_process_looks_at_it(server: FileServer, tmp_path: Path) -> None:
    """Builds that start together need not wait for each other's check of a finished download."""
    path = fetch_file(archive(server), tmp_path, policy=QUICK)
    with FileLock(tmp_path / ".set.zip.lock"):
        assert fetch_file(archive(server), tmp_path, policy=QUICK) == path


@pytest.mark.parametrize("url", ["http://example.org/set.zip", "REDIRECT"])
def test_plain_http_leaves_this_machine_never(server: FileServer, tmp_path: Path, url: str) -> None:
    """Neither directly nor by a redirect."""
    wanted = archive(server, url=url) if url != "REDIRECT" else archive(server)
    server.redirect_to = "http://example.org/set.zip"
    with pytest.raises(UsageError, match="plain http is refused"):
        fetch_file(wanted, tmp_path, policy=QUICK)
