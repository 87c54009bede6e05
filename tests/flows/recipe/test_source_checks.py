"""Labels of a recipe are those that its sources bring, and may bear other names in the release."""

from pathlib import Path

import pytest

from medmultipoints.flows.recipe.load import load_recipe
from medmultipoints.transforms.errors import UsageError

RECIPE = """
name = "small"
version = "1.0.0"
title = "Small"
[sources.hyperkvasir]
[sources.kvasir_instrument]
"""


def write(folder: Path, labels: str = "") -> str:
    """The path of a small recipe with a section on labels."""
    path = folder / "small.toml"
    path.write_text(f"{RECIPE}[labels]\n{labels}", "utf-8")
    return str(path)


def test_all_labels_of_the_sources_are_the_default(tmp_path: Path) -> None:
    """Under their own names, and none of a source that the recipe does not use."""
    assert load_recipe(write(tmp_path)).labels.names == {"polyps": "polyps", "instrument": "instrument"}


def test_labels_may_be_chosen_and_renamed(tmp_path: Path) -> None:
    """What is not named is left out."""
    assert load_recipe(write(tmp_path, 'names = { polyps = "polyp lesion" }')).labels.names == {
        "polyps": "polyp lesion"
    }


@pytest.mark.parametrize("label", ["polips", "pinhead"])
def test_a_label_that_no_source_brings_is_refused(tmp_path: Path, label: str) -> None:
    """The message names it and those there are."""
    message = f"labels.names: unknown label '{label}'; its sources bring polyps, instrument"
    with pytest.raises(UsageError, match=message):
        load_recipe(write(tmp_path, f'names = {{ {label} = "polyps" }}'))
