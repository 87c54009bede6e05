"""The card of a build: what the curator wrote stays, and the difference from the release before is told."""

from pathlib import Path

from tests.flows.small_builds import build, make_sources, write_recipe

CARD = '\n[card]\nabout = "By **hand**."\nchanges = "Masks mended."\n'


def test_a_build_tells_the_difference_from_the_release_that_its_recipe_names(tmp_path: Path) -> None:
    sources = make_sources(tmp_path / "sources")
    lake = tmp_path / "lake"
    first = build(write_recipe(tmp_path / "first.toml"), lake, sources).release
    splits = "fractions = { train = 0.6, test = 0.4 }"
    tasks = 'tasks = ["pointing", "bounding", "counting"]'
    later = write_recipe(
        tmp_path / "later.toml",
        ('version = "1.0.0"', 'version = "1.1.0"'),
        (splits, f'{splits}\nprevious = "small@{first.manifest_root[:12]}"'),
        (tasks, f'tasks = ["pointing", "bounding"]\n{CARD}'),
    )
    card = (build(later, lake, sources).release.path / "README.md").read_text()
    told = card.split("## How it differs from the version before")[1].split("##")[0]
    assert "From small 1.0.0:" in told
    assert "Masks mended." in told
    assert "instructions removed" in told
    assert "records" not in told.split("```")[1]  # nothing else differs, types of columns included
    assert "\nBy **hand**.\n" in card
