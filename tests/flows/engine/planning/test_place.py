"""Versions: a release that stands is never changed; a damaged one is restored."""

import shutil
from pathlib import Path

import pytest

from medmultipoints.data_lake.release.checks.verify import verify_release
from medmultipoints.data_lake.release.write.manifest import read_manifest
from medmultipoints.data_lake.store.layout import Lake
from medmultipoints.flows.cli.building.build import low_version, moved_of
from medmultipoints.flows.engine.execute import Outcome, execute
from medmultipoints.flows.engine.planning.place import VersionTaken, version_before
from medmultipoints.flows.engine.running.run import StageResult, Unwatched, run_in_threads
from medmultipoints.flows.stages.pipeline import PIPELINE
from medmultipoints.transforms.errors import UsageError
from tests.flows.small_builds import STAGES, build, kept, prepared, write_recipe

OTHER_SPLITS = ("train = 0.6, test = 0.4", "train = 0.4, test = 0.6")
OTHER_TITLE = ('title = "Small"', 'title = "Little"')
FEWER_TASKS = ('"pointing", ', "")


def content(release: Path) -> dict[str, bytes]:
    """Every file of a release."""
    return {path.relative_to(release).as_posix(): path.read_bytes() for path in release.rglob("*") if path.is_file()}


def test_the_same_content_keeps_the_folder(lake: Path, recipe: str, sources: dict[str, str]) -> None:
    folder = lake / "releases" / "small" / "1.0.0"
    before = folder.stat().st_mtime_ns, folder.stat().st_ino
    again = build(recipe, lake, sources)
    assert again.release.kept
    assert (folder.stat().st_mtime_ns, folder.stat().st_ino) == before


@pytest.mark.parametrize(
    ("edit", "proposed"), [(OTHER_TITLE, "1.0.1"), (FEWER_TASKS, "1.1.0"), (OTHER_SPLITS, "2.0.0")]
)
def test_other_content_at_the_same_version_is_refused(
    lake: Path, tmp_path: Path, sources: dict[str, str], edit: tuple[str, str], proposed: str
) -> None:
    """The message holds the difference and the version that it asks for; the release is untouched."""
    folder = lake / "releases" / "small" / "1.0.0"
    before = content(folder)
    with pytest.raises(VersionTaken) as caught:
        build(write_recipe(tmp_path / "small.toml", edit), lake, sources)
    assert caught.value.exit_code == 2
    assert caught.value.proposed == proposed
    text = str(caught.value)
    assert text.startswith("release small 1.0.0 exists with other content and is never changed. The difference:\n")
    assert text.endswith(
        f"\nBuild it as --version {proposed}, or as --version auto, or delete the old release yourself."
    )
    assert content(folder) == before
    assert list((lake / "tmp").iterdir()) == []


def test_auto_takes_the_proposed_version(lake: Path, tmp_path: Path, sources: dict[str, str], first: Outcome) -> None:
    """The data files do not know their version: they are those of the refused build, and nothing is built twice."""
    edited = write_recipe(tmp_path / "small.toml", OTHER_TITLE)
    outcome = build(edited, lake, sources, version="auto")
    assert (outcome.release.version, outcome.release.path.name) == ("1.0.1", "1.0.1")
    assert "manifest" not in kept(outcome)
    assert (lake / "releases" / "small" / "1.0.0").is_dir()
    manifest = read_manifest(outcome.release.path)
    assert (manifest.version, manifest.manifest_root) == ("1.0.1", outcome.release.manifest_root)
    assert outcome.release.manifest_root != first.release.manifest_root, "the card names title and version"
    again = build(edited, lake, sources, version="auto")
    assert (again.release.version, again.release.kept) == ("1.0.1", True)


def test_pictures_in_another_split_are_noted_with_the_line_that_keeps_them(
    lake: Path, tmp_path: Path, sources: dict[str, str], first: Outcome
) -> None:
    """With that line in the recipe they stay where they were."""
    assert moved_of(first) == []
    (note,) = moved_of(build(write_recipe(tmp_path / "small.toml", OTHER_SPLITS), lake, sources, version="auto"))
    line = note.rpartition("of the recipe: ")[2]
    assert line == f'previous = "small@{first.release.manifest_root[:16]}"'
    kept_in_place = (OTHER_SPLITS, ("[splits]", f"[splits]\n{line}"))
    after = build(write_recipe(tmp_path / "small.toml", *kept_in_place), lake, sources, version="auto")
    splits = {
        one.build.recipe.version: one.table("released_images").select("sample_id", "split").sort("sample_id")
        for one in (first, after)
    }
    assert splits[after.build.recipe.version].equals(splits["1.0.0"])
    assert low_version(after) == []
    fewer = build(write_recipe(tmp_path / "small.toml", *kept_in_place, FEWER_TASKS), lake, sources, version="1.0.9")
    (note,) = low_version(fewer)
    assert note.endswith(" is minor and asks for version 1.1.0; publish refuses 1.0.9")


class Listener(Unwatched):
    """Hears which stages are finished, and what is said."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def stage_finished(self, result: StageResult) -> None:
        self.heard.append(result.name)

    def say(self, text: str) -> None:
        self.heard.append(text)


def test_auto_tells_of_a_stage_once(lake: Path, tmp_path: Path, sources: dict[str, str]) -> None:
    """Then of the version, and of what is written under it."""
    edited, listener = write_recipe(tmp_path / "small.toml", OTHER_TITLE), Listener()
    execute(prepared(edited, lake, sources, "auto"), PIPELINE, run_in_threads(2), listener)
    assert listener.heard == [*STAGES, "version is 1.0.1: writing the release under it", "manifest"]


def test_auto_begins_with_the_version_of_the_recipe(
    first: Outcome, lake: Path, recipe: str, sources: dict[str, str]
) -> None:
    shutil.rmtree(lake / "releases")
    outcome = build(recipe, lake, sources, version="auto")
    assert (outcome.release.version, outcome.release.manifest_root) == ("1.0.0", first.release.manifest_root)


def test_auto_is_not_led_astray_by_other_folders(lake: Path, recipe: str, sources: dict[str, str]) -> None:
    """A copy that somebody laid beside the versions is none."""
    releases = lake / "releases" / "small"
    for name in ("1.0.0.bak", "old", "2.0"):
        shutil.copytree(releases / "1.0.0", releases / name)
    assert build(recipe, lake, sources, version="auto").release.version == "1.0.0"


def remove_a_file(release: Path) -> None:
    (release / "instructions" / "train.jsonl").unlink()


def overwrite_a_file(release: Path) -> None:
    path = next((release / "data").iterdir())
    path.unlink()
    path.write_bytes(b"damaged")


def write_into_a_file(release: Path) -> None:
    """The store's object is the same file, and is damaged with it."""
    path = next((release / "objects").iterdir())
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.write(b"damaged")


def damage_the_manifest(release: Path) -> None:
    (release / "manifest.json").unlink()
    (release / "manifest.json").write_bytes(b'{"name": "small"')


@pytest.mark.parametrize("damage", [remove_a_file, overwrite_a_file, write_into_a_file, damage_the_manifest])
def test_a_damaged_release_is_restored(
    tmp_path: Path, first: Outcome, recipe: str, sources: dict[str, str], damage: object
) -> None:
    """Byte for byte, also where the damage reached the store."""
    whole = content(first.release.path)
    lake = tmp_path / "lake"
    shutil.copytree(first.build.lake.root, lake, ignore=shutil.ignore_patterns("releases"))
    build(recipe, lake, sources)
    release = lake / "releases" / "small" / "1.0.0"
    damage(release)  # type: ignore[operator]
    outcome = build(recipe, lake, sources)
    assert not outcome.release.kept
    assert content(release) == whole
    assert all(check.ok for check in verify_release(release).checks)


def test_a_damaged_release_of_a_lake_that_was_moved_gets_no_other_content(
    lake: Path, tmp_path: Path, sources: dict[str, str]
) -> None:
    """The record of the run names the release where it stood then."""
    damage_the_manifest(lake / "releases" / "small" / "1.0.0")
    with pytest.raises(UsageError, match="what was built now is another release"):
        build(write_recipe(tmp_path / "small.toml", OTHER_TITLE), lake, sources)


def test_no_file_of_the_release_can_be_written_to_by_accident(first: Outcome) -> None:
    files = [path for path in first.release.path.rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if path.stat().st_mode & 0o222] == []


@pytest.mark.parametrize(("version", "before"), [("1.10.0", "1.2.0"), ("2.0.0", "1.10.0"), ("1.0.0", None)])
def test_the_version_before_is_the_highest_lower_one_by_number(
    tmp_path: Path, version: str, before: str | None
) -> None:
    """Folders with other names are no versions."""
    lake = Lake(tmp_path)
    for name in ("1.0.0", "1.2.0", "1.10.0", "draft"):
        folder = lake.releases / "small" / name
        folder.mkdir(parents=True)
        folder.joinpath("manifest.json").touch()
    found = version_before(lake, "small", version)
    assert (found and found.name) == before
