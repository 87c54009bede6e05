"""Pinned files of a recipe: found from its folder, refused unless they are the very file, released without a path."""

import hashlib
from pathlib import Path

import pytest

from medmultipoints.data_lake.store.layout import open_lake
from medmultipoints.data_lake.store.objects import object_path
from medmultipoints.flows.recipe.load import load_recipe
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.flows.recipe.pinned import store_files, take_files
from medmultipoints.transforms.errors import UsageError
from tests.flows.small_builds import write_recipe

CONTENT = b"what a model said"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def pinned(folder: Path, file: str = "said/predictions.parquet", sha256: str = SHA256) -> Recipe:
    """A recipe with a section that pins this file."""
    section = f'[witness]\nfile = "{file}"\nsha256 = "{sha256}"\n\n[boxes]'
    return load_recipe(write_recipe(folder / "small.toml", ("[boxes]", section)))


def test_a_pinned_file_is_copied_into_the_lake_and_its_path_is_no_part_of_the_release(tmp_path: Path) -> None:
    (tmp_path / "said").mkdir()
    (tmp_path / "said" / "predictions.parquet").write_bytes(CONTENT)
    recipe = pinned(tmp_path)
    sections, paths = take_files(recipe)
    released = recipe.model_copy(update=sections)
    lake = open_lake(tmp_path / "lake")
    assert SHA256 == store_files(lake, released, paths)["witness"].sha256
    assert CONTENT == object_path(lake, SHA256).read_bytes()
    assert "predictions.parquet" == released.witness.file


def test_another_file_than_the_pinned_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.parquet").write_bytes(b"something else")
    recipe = pinned(tmp_path, "p.parquet")
    sections, paths = take_files(recipe)
    with pytest.raises(UsageError, match=f"has sha256 [0-9a-f]{{64}}, the recipe says {SHA256}"):
        store_files(open_lake(tmp_path / "lake"), recipe.model_copy(update=sections), paths)


def test_a_pinned_file_that_is_gone_is_named_like_the_path_of_a_source(tmp_path: Path) -> None:
    recipe, lake, file = pinned(tmp_path, "gone.parquet"), open_lake(tmp_path / "lake"), tmp_path / "gone.parquet"
    sections, paths = take_files(recipe)
    released = recipe.model_copy(update=sections)
    with pytest.raises(UsageError, match="witness.file: there is no file .*gone.parquet.* or write the file again"):
        store_files(lake, released, paths)
    file.write_bytes(CONTENT)
    kept = object_path(lake, store_files(lake, released, paths)["witness"].sha256)
    file.unlink()
    with pytest.raises(UsageError, match=f"there is no file .*gone.parquet.* or copy it back from {kept}"):
        store_files(lake, released, paths)


def test_file_and_sha256_go_together(tmp_path: Path) -> None:
    section = '[witness]\nfile = "p.parquet"\n\n[boxes]'
    with pytest.raises(UsageError, match="witness: file and sha256 go together"):
        load_recipe(write_recipe(tmp_path / "small.toml", ("[boxes]", section)))
