"""The release that the splits follow: its path is relative to the recipe, like every other path in it."""

from pathlib import Path

import pytest

from medmultipoints.flows.recipe.load import locate_previous

ROOT = "ab" * 32


@pytest.mark.parametrize(
    ("reference", "where"),
    [
        ("../lake/small/1.0.0", ""),
        (f"../lake/small/1.0.0@{ROOT}", f"@{ROOT}"),
        ("../lake/small/1.0.0@abababab", "@abababab"),
    ],
)
def test_a_path_is_relative_to_the_recipe(tmp_path: Path, reference: str, where: str) -> None:
    folder = tmp_path / "lake" / "small" / "1.0.0"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    (tmp_path / "mine").mkdir()
    found = locate_previous(reference, tmp_path / "mine")
    assert found
    assert Path(found.removesuffix(where)).resolve() == folder
    assert found.endswith(where)


@pytest.mark.parametrize("reference", [None, f"small@{ROOT}", "releases/small/1.0.0"])
def test_names_in_the_lake_and_paths_from_the_working_folder_stay(tmp_path: Path, reference: str | None) -> None:
    assert locate_previous(reference, tmp_path) == reference
