"""The store: content names, receipts that prove, nothing half-written."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from medmultipoints.data_lake.store.layout import Lake, new_temporary, open_lake
from medmultipoints.data_lake.store.objects import (
    Receipt,
    StoredObject,
    clear_temporary,
    file_sha256,
    link_object,
    object_path,
    put_bytes,
    put_file,
    read_receipt,
    receipt_path,
    temporary_file,
    write_receipt,
)
from medmultipoints.transforms.errors import MachineError

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
STAGE, KEY = "derive", "0" * 64


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake."""
    return open_lake(tmp_path / "lake")


@pytest.fixture
def dead_process() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


VERDICT = {"table": "images", "suite": "images", "rows": 0, "failures": [], "checked": []}


def finished(lake: Lake) -> Receipt:
    """The receipt of a piece of work with one object, written."""
    receipt = Receipt(KEY, {"images": (put_bytes(lake, b"abc", 3),)}, {"in": 4}, (VERDICT,))
    write_receipt(lake, STAGE, receipt)
    return receipt


def objects(lake: Lake) -> list[Path]:
    """All files of the store."""
    return [path for path in lake.objects.rglob("*") if path.is_file()]


def test_an_object_lies_under_the_sha256_of_its_content(lake: Lake) -> None:
    stored = put_bytes(lake, b"abc", 7)
    assert stored == StoredObject(ABC, 3, 7)
    assert object_path(lake, ABC) == lake.objects / "ba" / ABC
    assert object_path(lake, ABC).read_bytes() == b"abc"


def test_the_same_content_twice_is_stored_once(lake: Lake) -> None:
    assert put_bytes(lake, b"abc") == put_bytes(lake, b"abc")
    assert objects(lake) == [object_path(lake, ABC)]


def test_an_object_cannot_be_written_to_by_accident(lake: Lake) -> None:
    put_bytes(lake, b"abc")
    assert object_path(lake, ABC).stat().st_mode & 0o222 == 0


def test_storing_a_file_moves_it(lake: Lake) -> None:
    with temporary_file(lake) as path:
        path.write_bytes(b"abc")
        assert put_file(lake, path) == StoredObject(ABC, 3)
        assert not path.exists()


def test_a_temporary_file_is_gone_when_the_work_fails(lake: Lake) -> None:
    def spoil() -> None:
        with temporary_file(lake) as path:
            path.write_bytes(b"half")
            raise ValueError("spoilt")

    with pytest.raises(ValueError, match="spoilt"):
        spoil()
    assert list(lake.temporary.iterdir()) == []
    assert objects(lake) == []


def test_storing_again_mends_a_damaged_object(lake: Lake) -> None:
    put_bytes(lake, b"abc")
    damage(object_path(lake, ABC), b"abd")
    put_bytes(lake, b"abc")
    assert file_sha256(object_path(lake, ABC)) == ABC


def test_a_receipt_comes_back_as_it_was_written(lake: Lake) -> None:
    receipt = finished(lake)
    assert read_receipt(lake, STAGE, KEY) == receipt
    assert receipt_path(lake, STAGE, KEY) == lake.receipts / STAGE / f"{KEY}.json"


def test_work_without_a_receipt_is_not_finished(lake: Lake) -> None:
    finished(lake)
    assert read_receipt(lake, STAGE, "1" * 64) is None
    assert read_receipt(lake, "audit", KEY) is None


def damage(path: Path, content: bytes) -> None:
    """Put other bytes in the place of a file."""
    path.unlink()
    path.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "missing": lambda path: path.unlink(),
    "shortened": lambda path: damage(path, b"ab"),
    "of the same length": lambda path: damage(path, b"abd"),
    "a folder": lambda path: (path.unlink(), path.mkdir()),  # type: ignore[func-returns-value]
}


@pytest.mark.parametrize("how", DAMAGES)
def test_a_receipt_counts_for_nothing_when_an_object_is_damaged(lake: Lake, how: str) -> None:
    finished(lake)
    DAMAGES[how](object_path(lake, ABC))
    assert read_receipt(lake, STAGE, KEY) is None


@pytest.mark.parametrize(
    "content", [b"", b'{"key":', b"null", b"[]", b"{}", b'{"key": "0", "objects": []}', b"\0" * 64]
)
def test_a_damaged_receipt_counts_for_nothing(lake: Lake, content: bytes) -> None:
    finished(lake)
    damage(receipt_path(lake, STAGE, KEY), content)
    assert read_receipt(lake, STAGE, KEY) is None


def test_a_receipt_under_the_name_of_another_key_counts_for_nothing(lake: Lake) -> None:
    finished(lake)
    receipt_path(lake, STAGE, KEY).rename(receipt_path(lake, STAGE, "1" * 64))
    assert read_receipt(lake, STAGE, "1" * 64) is None


def test_linking_shows_the_object_elsewhere(lake: Lake, tmp_path: Path) -> None:
    put_bytes(lake, b"abc")
    link_object(lake, ABC, tmp_path / "release" / "data" / "a.parquet")
    assert (tmp_path / "release" / "data" / "a.parquet").read_bytes() == b"abc"


def test_only_what_dead_processes_left_is_cleared(lake: Lake, dead_process: int) -> None:
    here = os.uname().nodename
    kept = {new_temporary(lake).name, f"{os.getppid()}-{here}-lives", f"{dead_process}-elsewhere-1", "no-owner"}
    for name in (*kept, f"{dead_process}-{here}-half", f"{dead_process}-elsewhere-2"):
        (lake.temporary / name).write_bytes(b"half")
    os.utime(lake.temporary / f"{dead_process}-elsewhere-2", (0, 0))
    (lake.temporary / f"{dead_process}-{here}-release" / "data").mkdir(parents=True)
    (lake.temporary / f"{dead_process}-{here}-release" / "data" / "a.parquet").write_bytes(b"half")
    clear_temporary(lake)
    assert {path.name for path in lake.temporary.iterdir()} == kept


def test_an_unwritable_store_is_an_error_of_the_machine(lake: Lake) -> None:
    lake.temporary.rmdir()
    lake.temporary.write_bytes(b"a file in the place of the folder")
    with pytest.raises(MachineError, match="A file is in the place of a folder: choose another folder with --lake"):
        put_bytes(lake, b"abc")
