"""What a build says before it works: sources with their sizes, the place of the release, room on the disk."""

import resource
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from medmultipoints.flows.engine.execute import Outcome
from medmultipoints.flows.engine.planning.intention import LEAST_FREE, check_room, format_size, intention
from medmultipoints.transforms.errors import MachineError

Usage = namedtuple("Usage", "total used free")


def said(outcome: Outcome, paths: dict[str, str]) -> list[str]:
    build = outcome.build
    infos = {source.name: source.info for source in build.sources}
    return intention(build.recipe, infos, paths, build.lake)


def test_it_names_version_policy_sources_and_place(first: Outcome, sources: dict[str, str]) -> None:
    (line,) = said(first, sources)
    assert line.startswith("small 1.0.0, boxes ")
    assert all(f"{name} (" in line for name in sources)
    assert line.endswith("releases/small/1.0.0")


def test_a_source_without_a_path_is_a_download_of_so_much(first: Outcome) -> None:
    assert "hyperkvasir (download" in said(first, {})[0]


def test_a_disk_that_may_be_too_small_is_a_second_line(
    first: Outcome, sources: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10, 9, 1))
    assert said(first, sources)[1].endswith("it may not fit")


def test_a_full_disk_is_refused_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_room(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10, 10, LEAST_FREE - 1))
    with pytest.raises(MachineError, match="less than 64 MiB are left"):
        check_room(tmp_path)


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (33_100_000, "33 MB")]
)
def test_sizes_are_said_for_people(size: int, words: str) -> None:
    assert format_size(size) == words


def test_a_limit_on_file_sizes_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: (200 << 10, resource.RLIM_INFINITY))
    with pytest.raises(MachineError, match=r"files of 200 KiB at most.*ulimit -f"):
        check_room(tmp_path)
