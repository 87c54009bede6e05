"""``report``, ``diff`` and ``sign`` on the command line."""

import json
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from medmultipoints.flows.cli.app import app
from medmultipoints.transforms.errors import UsageError
from tests.data_lake.release.tiny_release import write_release
from tests.data_lake.release.tiny_tables import OBJECTS, make_tables


def call(*words: object) -> Result:
    return CliRunner().invoke(app, list(map(str, words)), catch_exceptions=False)


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    moved = (("hyperkvasir/a", "polyps", [(2.0, 3.0, 11.0, 9.0)]), *OBJECTS[1:])
    return write_release(tmp_path / "old", make_tables()), write_release(tmp_path / "new", make_tables(moved), "1.1.0")


def test_equal_releases_differ_in_one_line(two: tuple[Path, Path]) -> None:
    shown = call("diff", two[0], two[0]).stdout
    assert shown.startswith("no difference: tiny 1.0.0 and tiny 1.0.0 have the root ")
    assert shown.count("\n") == 1


def test_a_difference_is_told_to_people_and_machines(two: tuple[Path, Path], tmp_path: Path) -> None:
    shown = call("diff", *two).stdout
    assert "minor: 1 box changed" in shown
    assert max(map(len, shown.splitlines())) <= 160
    assert "version that the difference asks for: 1.1.0" in shown
    told = json.loads(call("diff", *two, "--json").stdout)
    change = next(one for one in told["changes"] if one["kind"] == "boxes_changed")
    assert (told["old"], told["new"], told["proposed_version"]) == ("tiny 1.0.0", "tiny 1.1.0", "1.1.0")
    assert (change["count"], change["how_far"]) == (1, {"median_px": 1.0, "most_px": 1.0})
    assert change["examples"][0]["after"] == [2.0, 3.0, 11.0, 9.0]
    table = call("diff", *two, "--markdown", "--html", tmp_path / "diff.html").stdout
    assert "\n| minor | 1 | boxes changed | median 1.0 px, most 1.0 px | " in table
    assert "1 box changed" in (tmp_path / "diff.html").read_text()


def test_releases_of_two_names_are_compared_without_a_version(two: tuple[Path, Path]) -> None:
    path = two[1] / "manifest.json"
    path.write_text(path.read_text().replace('"name": "tiny"', '"name": "other"'))
    told = json.loads(call("diff", *two, "--json").stdout)
    assert (told["new"], told["proposed_version"]) == ("other 1.1.0", None)


def test_a_report_goes_where_it_is_told_or_here(
    two: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call("report", two[1])
    call("report", two[1], "--to", "again.html")
    call("report", two[1], "--to", "against.html", "--against", two[0])
    assert Path("tiny-1.1.0.html").read_bytes() == Path("again.html").read_bytes()
    assert "From tiny 1.0.0" in Path("against.html").read_text()


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing: there is no such folder"):
        call("report", tmp_path / "nothing")


def test_a_release_is_signed_and_verified(two: tuple[Path, Path], tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    (tmp_path / "allowed").write_text(f"me@example.org {key.with_suffix('.pub').read_text()}")
    assert "manifest.json.intoto.json.sig" in call("sign", two[0], "--key", key).stdout
    shown = call("verify", two[0], "--allowed-signers", tmp_path / "allowed", "--json")
    assert shown.exit_code == 0
    told = {check["name"]: check["detail"] for check in json.loads(shown.stdout)["checks"]}
    assert told["signature"].startswith("by me@example.org")
    assert call("verify", two[1], "--allowed-signers", tmp_path / "allowed").exit_code == 1
    with pytest.raises(UsageError, match="needs --allowed-signers"):
        call("verify", two[0], "--signature", tmp_path / "key")
