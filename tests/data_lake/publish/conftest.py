"""A test Hub for this folder, and tiny releases in several versions."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from tests.data_lake.release.tiny_release import write_release
from tests.data_lake.release.tiny_tables import OBJECTS, changed, make_tables
from tests.hub.running import WRITER, TestHub, start_hub
from transforms.diff import Tables

Sleepless = Callable[[float], None]


@pytest.fixture(scope="session")
def running_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestHub]:
    """One test Hub for all tests of a worker."""
    with start_hub(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


@pytest.fixture
def hub(running_hub: TestHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> TestHub:
    """The test Hub without faults, as the place that this process publishes to."""
    running_hub.calm()
    monkeypatch.setenv("HF_ENDPOINT", running_hub.endpoint)
    monkeypatch.setenv("HF_TOKEN", WRITER)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)  # read at import: too late for setenv
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _seconds: None)
    return running_hub


@pytest.fixture
def repo(request: pytest.FixtureRequest) -> str:
    """A repository of the test's own."""
    return f"acme/{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:20]}"


@pytest.fixture(scope="session")
def versions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The tiny release and what followed: rows, a box, the card, a label."""
    tables = make_tables()
    objects = [
        (one, label, [(2.0, 3.0, 11.0, 9.0)] if one == "hyperkvasir/a" else boxes) for one, label, boxes in OBJECTS
    ]
    corrected = make_tables(tuple(objects))
    fewer = without(corrected, "kvasir_instrument/c")
    folder = tmp_path_factory.mktemp("versions")
    return {
        "1.0.0": write_release(folder / "first", tables),
        "1.0.0 again": write_release(folder / "again", tables),
        "1.0.0 other": write_release(folder / "other", corrected),
        "1.1.0": write_release(folder / "box", corrected, "1.1.0"),
        "1.1.1": write_release(folder / "card", corrected, "1.1.1"),
        "2.0.0": write_release(folder / "label", fewer, "2.0.0"),
    }


def without(tables: Tables, sample_id: str) -> Tables:
    """The tables without one image."""
    gone = tables.records.filter(pl.col("sample_id") == sample_id)["record_id"]
    frames = {
        "records": tables.records.filter(~pl.col("record_id").is_in(gone.implode())),
        "objects": tables.objects.filter(~pl.col("record_id").is_in(gone.implode())),
        "instructions": tables.instructions.filter(~pl.col("record_id").is_in(gone.implode())),
        "images": tables.images.filter(pl.col("sample_id") != sample_id),
    }
    return changed(tables, **frames)
