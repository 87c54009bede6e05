"""The public face: every name has a docstring, its example runs, and the import costs nothing."""

import doctest
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import polars as pl
import pytest
from PIL import Image

import medmultipoints as mm
from medmultipoints.flows import api
from medmultipoints.flows.recipe.load import shipped_recipes
from tests.flows.small_builds import make_sources

VERBS = ("build", "diff", "export", "load", "publish", "show", "verify")


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return make_sources(tmp_path_factory.mktemp("sources"))


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory, sources: dict[str, str]) -> mm.Release:
    """A small release, built by the face itself."""
    lake = tmp_path_factory.mktemp("face") / "lake"
    given = {"hyperkvasir": sources["hyperkvasir"]}
    return mm.build("demo", lake=lake, sources=given, only=["hyperkvasir"], workers=2)


@pytest.mark.parametrize("name", [*VERBS, "Release"])
def test_the_example_of_every_name_runs(
    name: str, release: mm.Release, sources: dict[str, str], tmp_path: Path
) -> None:
    names = {
        "folder": release.path,
        "lake": release.path.parents[2],
        "archive": sources["hyperkvasir"],
        "new": tmp_path / "new",
    }
    found = doctest.DocTestFinder(recurse=False).find(getattr(mm, name), name, module=api, globs=names)
    assert [len(example.examples) > 0 for example in found] == [True]
    assert doctest.DocTestRunner().run(found[0]).failed == 0


def test_every_name_of_the_face_is_there_and_explained() -> None:
    for name in mm.__all__:
        assert getattr(mm, name).__doc__, name
    assert set(dir(mm)) == {*mm.__all__, "__version__"}
    assert mm.__version__.count(".") == 2
    with pytest.raises(AttributeError, match="no attribute 'biuld'"):
        _ = mm.biuld  # type: ignore[attr-defined]


def test_the_import_costs_nothing() -> None:
    code = "import sys; import medmultipoints; print([n for n in sys.modules if n.partition('.')[0] in %r])"
    heavy = {"polars", "numpy", "pydantic", "pyarrow", "prefect", "great_expectations", "typer", "rich"}
    done = subprocess.run([sys.executable, "-P", "-c", code % heavy], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("table", ["exclusions", "disagreements", "duplicates", "joins", "specks", "split_changes"])
def test_tables_of_the_quarantine_are_loaded(release: mm.Release, table: str) -> None:
    assert mm.load(release, table).height == pl.read_parquet(release.path / f"quarantine/{table}.parquet").height


def test_a_table_or_split_that_the_release_lacks_is_refused_with_those_it_has(release: mm.Release) -> None:
    with pytest.raises(mm.UsageError, match=r"'descriptions': the release has conventions, .*, records, .*"):
        mm.load(release, "descriptions")
    with pytest.raises(mm.UsageError, match=r"split 'dev': table 'images' has .*train"):
        mm.load(release, "images", split="dev")
    with pytest.raises(mm.UsageError, match="split 'train': table 'exclusions' has no splits"):
        mm.load(release, "exclusions", split="train")


def test_a_published_version_is_loaded_shown_verified_and_exported(release: mm.Release, tmp_path: Path) -> None:
    mm.publish(release, to=tmp_path / "versions")
    version = f"folder:{tmp_path / 'versions'}@v{release.version}"
    assert mm.verify(version).ok
    assert mm.show(version)["manifest_root"] == release.manifest_root
    assert mm.load(version).equals(mm.load(release))
    assert mm.export(version, to=tmp_path / "out").records == mm.load(release).height


def test_sources_may_be_given_as_one_text(tmp_path: Path) -> None:
    """A text is a sequence of letters, too."""
    recipe = own_recipe(tmp_path / "cells")
    with pytest.raises(mm.UsageError, match="--only s5: recipe 'cells' has no such source"):
        mm.build(recipe, lake=tmp_path / "lake", only="s5")


def test_files_of_a_source_are_opened_by_texts_and_a_missing_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "own/images").mkdir(parents=True)
    (tmp_path / "own/images/a.png").write_bytes(b"png")
    members = mm.open_source("own", str(tmp_path / "own"), str(tmp_path / "scratch"))
    assert members.read("images/a.png") == b"png"
    with pytest.raises(mm.SourceDataError, match=r"no file 'a.png' in the source. The most similar .* 'images/a.png'"):
        members.read("a.png")


def test_a_version_that_something_else_made_is_refused_before_any_work(
    release: mm.Release, sources: dict[str, str], tmp_path: Path
) -> None:
    other = tmp_path / "other.toml"
    other.write_text(shipped_recipes()["demo"].read_text().replace("seed = ", "seed = 1"))
    lake, given = release.path.parents[2], {"hyperkvasir": sources["hyperkvasir"]}
    before = sorted((lake / "receipts").rglob("*"))
    with pytest.raises(mm.UsageError, match=r"demo 1\.0\.0 exists and was built from another recipe"):
        mm.build(other, lake=lake, sources=given, only=["hyperkvasir"])
    assert before == sorted((lake / "receipts").rglob("*"))


def test_files_that_are_no_part_of_the_dataset_do_not_take_a_version(tmp_path: Path) -> None:
    """The build is asked for again, and again in a lake that has lost what the stages made."""
    recipe = own_recipe(tmp_path / "cells")
    first = mm.build(recipe, lake=tmp_path / "lake")
    assert mm.build(recipe, lake=tmp_path / "lake") == first
    shutil.rmtree(tmp_path / "lake" / "receipts")
    assert mm.build(recipe, lake=tmp_path / "lake") == first
    Image.new("RGB", (64, 48), "red").save(tmp_path / "cells" / "images" / "4.png")
    with pytest.raises(mm.UsageError, match=r"cells 1\.0\.0 exists and was built from other source files"):
        mm.build(recipe, lake=tmp_path / "lake")


def own_recipe(source: Path) -> Path:
    """A recipe of four pictures with YOLO boxes, with a licence text next to them."""
    for folder in ("images", "labels"):
        (source / folder).mkdir(parents=True)
    for number in range(4):
        Image.effect_noise((64, 48), 60 + number).convert("RGB").save(source / "images" / f"{number}.png")
        (source / "labels" / f"{number}.txt").write_text("0 0.5 0.5 0.25 0.25\n")
    (source / "data.yaml").write_text("names: [cell]\n")
    (source / "LICENSE").write_text("MIT")
    recipe = source.with_suffix(".toml")
    recipe.write_text(
        'name = "cells"\nversion = "1.0.0"\ntitle = "Cells"\nrelease_date = "2026-11-30"\n'
        "[splits]\nfractions = { train = 0.5, test = 0.5 }\n[instructions]\ntasks = []\n"
        f'[sources.cells]\npath = "{source}"\nlicence = "MIT"\naccept = true\n'
    )
    return recipe


def test_a_wrong_argument_is_named(tmp_path: Path, release: mm.Release) -> None:
    with pytest.raises(mm.UsageError, match="version: '1' is not a version of three numbers such as 1.2.0, or auto."):
        mm.build("demo", lake=tmp_path / "lake", version="1")
    with pytest.raises(mm.UsageError, match="there is no such folder. Give the folder of a release."):
        mm.show(tmp_path / "nowhere")
    with pytest.raises(mm.UsageError, match="split 'val': table 'records' has test, train"):
        mm.load(release, split="val")
    with pytest.raises(mm.UsageError, match="table 'record': the release has .*, images, "):
        mm.load(release, "record")
    with pytest.raises(mm.UsageError, match="give either --repo OWNER/NAME for the Hub, or --to FOLDER"):
        mm.publish(release)


def test_a_reader_of_another_source_needs_the_face_alone(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("images/one.png", b"")
    members = mm.open_source("ours", tmp_path / "a.zip", tmp_path)
    sample = mm.Sample(
        source="ours", stem="one", image_member="images/one.png", organ=None, finding=None, classification=None
    )
    indexed = mm.assemble([sample], (), [])
    mm.check_members(members, indexed)
    assert [path.stem for path in mm.split_paths(members.names())] == ["one"]
