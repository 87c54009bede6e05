"""A server is asked whether a downloaded file is still what it has: briefly, and never more than a word about it."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from medmultipoints.data_lake.archives.local_files import local_files
from medmultipoints.data_lake.catalogue import SourceInfo
from medmultipoints.data_lake.fetch.download import fetch_source
from medmultipoints.data_lake.fetch.upstream import ANSWERS, Answer, ask_servers, keep_answers, read_answers
from medmultipoints.data_lake.http.request import Validators, differing, note_of
from medmultipoints.data_lake.store.layout import open_lake
from tests.data_lake.fetch.downloads import CONTENT, QUICK, SHA256, TABLE, archive, big_zip, table_of
from tests.data_lake.fetch.file_server import FileServer, serve

MONDAY, TUESDAY = "Mon, 16 Nov 2026 08:00:00 GMT", "Tue, 17 Nov 2026 08:00:00 GMT"


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serve({"/set.zip": CONTENT}) as running:
        yield running


def source(*archives: object, members: tuple[object, ...] = ()) -> SourceInfo:
    facts = {"name": "ours", "reader": "ours", "labels": ["polyps"], "title": "Ours", "homepage": "https://example.org"}
    more = {"licence": "CC-BY-4.0", "citation": "Us", "archives": archives, "members": members}
    return SourceInfo.model_validate(facts | more)


def downloaded(server: FileServer, folder: Path) -> SourceInfo:
    """A source of one archive that lies in the landing folder."""
    info = source(archive(server, SHA256))
    fetch_source(info, folder / "ours")
    return info


def only_answer(info: SourceInfo, folder: Path) -> Answer:
    (answer,) = ask_servers([info], {}, folder, QUICK)
    return answer


def test_what_the_server_has_still_is_unchanged(server: FileServer, tmp_path: Path) -> None:
    """One request, without a body."""
    info = downloaded(server, tmp_path)
    answer = only_answer(info, tmp_path)
    assert (answer.verdict, answer.detail) == ("unchanged", 'ETag "v1", 3,000,000 bytes')
    assert server.methods == ["GET", "HEAD"]


def test_the_note_is_no_file_of_the_source(server: FileServer, tmp_path: Path) -> None:
    """What identifies a source does not depend on what its server said."""
    downloaded(server, tmp_path)
    assert note_of(tmp_path / "ours" / "set.zip").exists()
    assert [name for name, _ in local_files(tmp_path / "ours")] == ["set.zip"]


@pytest.mark.slow
def test_a_resumed_download_keeps_what_the_server_said(server: FileServer, tmp_path: Path) -> None:
    """The size is that of the whole file, not of the last piece."""
    server.faults = ["drop"]
    assert only_answer(downloaded(server, tmp_path), tmp_path).verdict == "unchanged"


def test_another_etag_is_a_change_with_what_to_do(server: FileServer, tmp_path: Path) -> None:
    """Old and new validators, and each step."""
    info = downloaded(server, tmp_path)
    server.etag = '"v2"'
    answer = only_answer(info, tmp_path)
    assert answer.verdict == "changed"
    assert answer.sentence() == (
        'ours set.zip: changed: it was ETag "v1", 3,000,000 bytes; it is ETag "v2", 3,000,000 bytes. Builds go on with '
        f"the file in the lake. To take the new one: download it (curl --fail --location --continue-at - --output "
        f"set.zip {server.url}/set.zip), check it, add the sha256 of set.zip to the TOML file of ours, remove "
        f"{tmp_path}/ours/set.zip and run `medmultipoints fetch ours`."
    )


@pytest.mark.parametrize("refusal", [403, 405, 501])
def test_a_server_without_head_is_asked_for_one_byte(server: FileServer, tmp_path: Path, refusal: int) -> None:
    """By Range; what it says of the whole file is compared all the same."""
    info = downloaded(server, tmp_path)
    server.head = refusal
    assert only_answer(info, tmp_path).verdict == "unchanged"
    server.etag = '"v2"'
    assert only_answer(info, tmp_path).verdict == "changed"
    assert server.asked[1:] == ["bytes=0-0", "bytes=0-0"]
    assert server.sent == len(CONTENT) + 2


def test_a_server_that_is_gone_is_told_and_nothing_fails(tmp_path: Path) -> None:
    with serve({"/set.zip": CONTENT}) as stopped:
        info = downloaded(stopped, tmp_path)
    answer = only_answer(info, tmp_path)
    assert answer.verdict == "not reachable"
    assert "given up after 3 attempts" in answer.detail
    assert answer.detail.endswith("The file in the lake is used")


def test_a_file_that_is_gone_is_not_reachable(server: FileServer, tmp_path: Path) -> None:
    info = downloaded(server, tmp_path)
    server.files = {}
    answer = only_answer(info, tmp_path)
    assert (answer.verdict, "the server answers 404" in answer.detail) == ("not reachable", True)


def test_a_server_that_leads_to_plain_http_is_not_followed(server: FileServer, tmp_path: Path) -> None:
    info = downloaded(server, tmp_path)
    server.head, server.redirect_to = 405, "http://example.org/set.zip"
    answer = only_answer(info, tmp_path)
    assert (answer.verdict, "plain http is refused" in answer.detail) == ("not reachable", True)


def test_without_validators_the_size_is_compared(server: FileServer, tmp_path: Path) -> None:
    """Also for files that were downloaded before validators were kept: their size is at hand."""
    server.etag = ""
    info = downloaded(server, tmp_path)
    assert only_answer(info, tmp_path).detail == "3,000,000 bytes"
    note_of(tmp_path / "ours" / "set.zip").unlink()
    assert only_answer(info, tmp_path).verdict == "unchanged"
    server.files["/set.zip"] = CONTENT + b"more"
    assert only_answer(info, tmp_path).verdict == "changed"


def test_a_server_that_says_nothing_leaves_it_unknown(server: FileServer, tmp_path: Path) -> None:
    info = downloaded(server, tmp_path)
    server.etag, server.sizes = "", False
    answer = only_answer(info, tmp_path)
    assert answer.verdict == "unknown"
    assert answer.detail.startswith('the server says nothing; at the download ETag "v1", 3,000,000 bytes was known')


def test_a_note_about_another_file_does_not_count(server: FileServer, tmp_path: Path) -> None:
    """Someone put a file of another size in its place: it is compared by what it is."""
    info = downloaded(server, tmp_path)
    (tmp_path / "ours" / "set.zip").write_bytes(CONTENT + b"more")
    server.files["/set.zip"], server.etag = CONTENT + b"more", '"v2"'
    assert only_answer(info, tmp_path).verdict == "unchanged"


def test_a_member_is_compared_by_the_archive_that_it_is_from(tmp_path: Path) -> None:
    """The server knows the zip only."""
    with serve({"/set.zip": CONTENT, "/big.zip": big_zip()}) as server:
        info = source(archive(server, SHA256), members=(table_of(server),))
        fetch_source(info, tmp_path / "ours")
        assert [one.verdict for one in ask_servers([info], {}, tmp_path, QUICK)] == ["unchanged", "unchanged"]
        server.files["/big.zip"] += b"more"
        found = ask_servers([info], {}, tmp_path, QUICK)
    assert [(one.file, one.verdict) for one in found] == [("set.zip", "unchanged"), ("image-labels.csv", "changed")]
    assert "--output big.zip" in found[1].detail
    assert hashlib.sha256(TABLE).hexdigest() not in found[1].detail


def test_a_given_source_is_not_asked_for(server: FileServer, tmp_path: Path) -> None:
    (answer,) = ask_servers([source(archive(server))], {"ours": "/data/ours"}, tmp_path)
    assert answer.sentence() == "ours: given locally: /data/ours is used"
    assert server.methods == []


def test_the_last_answers_are_kept_in_the_lake(server: FileServer, tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    info = downloaded(server, lake.landing)
    for _ in range(2):
        keep_answers(lake, ask_servers([info], {}, lake.landing, QUICK))
    (kept,) = read_answers(lake)
    assert (kept["source"], kept["file"], kept["verdict"]) == ("ours", "set.zip", "unchanged")
    for damaged in (b"3", b"[4, null]", b"{"):
        (lake.landing / "ours" / ANSWERS).write_bytes(damaged)
        assert read_answers(lake) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (Validators(), Validators('"a"', MONDAY, 5), None),
        (Validators('"a"'), Validators(None, MONDAY), None),
        (Validators('"a"', MONDAY, 5), Validators('"a"', TUESDAY, 5), False),
        (Validators('"a"', MONDAY, 5), Validators('W/"a"', MONDAY, 5), False),
        (Validators('"a"', MONDAY, 5), Validators('"b"', MONDAY, 5), True),
        (Validators('"a"', MONDAY, 5), Validators('"a"', MONDAY, 6), True),
        (Validators(None, MONDAY), Validators('"b"', MONDAY), False),
        (Validators(None, MONDAY), Validators('"b"', TUESDAY), True),
    ],
)
def test_what_two_answers_have_in_common_decides(old: Validators, new: Validators, expected: bool | None) -> None:
    """An ETag before a date, a size always; nothing in common tells nothing."""
    assert differing(old, new) is expected
