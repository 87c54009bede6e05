"""A recipe that is wrong is refused with every problem and its key; what it leaves out is filled in."""

import tomllib
from pathlib import Path

import pytest

from medmultipoints.flows.recipe.load import load_recipe, select_sources, shipped_recipes
from medmultipoints.transforms.errors import UsageError
from tests.flows.small_builds import RECIPE, write_recipe


def refusal(tmp_path: Path, *changes: tuple[str, str]) -> str:
    """The message for a recipe that was changed, without the path that it begins with."""
    path = write_recipe(tmp_path / "small.toml", *changes)
    with pytest.raises(UsageError) as caught:
        load_recipe(path)
    assert str(caught.value).startswith(f"recipe {path}: ")
    return str(caught.value).removeprefix(f"recipe {path}: ")


def test_a_recipe_keeps_what_it_states(tmp_path: Path) -> None:
    recipe = load_recipe(write_recipe(tmp_path / "small.toml"))
    stated = tomllib.loads(RECIPE)
    assert (recipe.name, recipe.version, recipe.seed) == (stated["name"], stated["version"], stated["seed"])
    assert dict(recipe.splits.fractions) == stated["splits"]["fractions"]
    assert recipe.instructions.tasks == tuple(stated["instructions"]["tasks"])


def test_what_a_recipe_leaves_out_is_filled_in(tmp_path: Path) -> None:
    """Options of the readers and labels of the sources too, so that the key and the manifest hold them."""
    recipe = load_recipe(write_recipe(tmp_path / "small.toml"))
    assert recipe.boxes.policy == "audited"
    assert recipe.images.max_side is None
    assert dict(recipe.labels.names) == {
        name: name for name in ("polyps", "instrument", "normal", "cluster", "pinhead")
    }
    assert recipe.sources["visem_tracking"]["sampling"] == "all"


@pytest.mark.parametrize("name", ["demo", "published", "audited"])
def test_the_recipes_that_come_with_the_project_are_right(name: str) -> None:
    assert load_recipe(name).name == name
    assert name in shipped_recipes()


def test_the_published_recipe_has_the_published_settings() -> None:
    recipe = load_recipe("published")
    assert (recipe.boxes.policy, recipe.images.max_side, recipe.images.resample) == ("published", 700, "lanczos")
    assert (recipe.images.jpeg_quality, dict(recipe.splits.fractions)) == (95, {"train": 1.0})
    assert recipe.sources["visem_tracking"]["per_video"] == 250


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("seed = 5", "sead = 5"), "sead: unknown key; perhaps 'seed' is meant. "),
        (("min_area_px = 20", "min_area = 20"), "boxes.min_area: unknown key; perhaps 'min_area_px' is meant. "),
        (("[boxes]", "[bxoes]"), "bxoes: unknown key; perhaps 'boxes' is meant. "),
        (('title = "Small"', ""), "title: the key is missing. "),
        (
            ("[sources.hyperkvasir]", "[sources.hyper]"),
            "unknown source 'hyper'; perhaps 'hyperkvasir' is meant",
        ),
        (
            ("[sources.visem_tracking]", "[sources.visem_tracking]\nevry = 3"),
            "sources.visem_tracking: evry: unknown key; perhaps 'every' is meant. ",
        ),
        (
            ("[boxes]", '[labels]\nnames = { polyp = "polyps" }\n[boxes]'),
            "labels.names: unknown label 'polyp'; its sources bring polyps, instrument, normal, cluster, pinhead. ",
        ),
        (("test = 0.4", "test = 0.3"), "splits: the fractions sum to 0.9, not 1. "),
        (("test = 0.4", "test = 0.0"), "splits.fractions.test: must be above 0"),
        (
            ("test = 0.4", "val = 0.2, validation = 0.2"),
            "splits.fractions: val and validation mean the same split; write one of them. ",
        ),
        (
            ("test = 0.4", "vaidation = 0.4"),
            "splits.fractions: 'vaidation' is not the name of a split; perhaps 'validation' is meant. ",
        ),
        (("seed = 5", "seed = 5.0"), "seed: must be a whole number. "),
        (("seed = 5", "seed = true"), "seed: must be a whole number. "),
        (("test = 0.4", 'test = "0.4"'), "splits.fractions.test: must be a number. "),
        (("[boxes]", '[labels]\nzero_counts = "yes"\n[boxes]'), "labels.zero_counts: must be true or false. "),
        (("[boxes]", "[labels]\nzero_counts = 1\n[boxes]"), "labels.zero_counts: must be true or false. "),
        (
            ("[sources.visem_tracking]", '[sources.visem_tracking]\nevery = "3"'),
            "sources.visem_tracking: every: must be a whole number. ",
        ),
        (
            ("[boxes]", '[labels]\nnames = { polyps = "geschwu\u0308r" }\n[boxes]'),
            "labels.names.polyps: 'geschwu\u0308r' is in the Unicode form NFD; type it again, or",
        ),
        (("test = 0.4", "test = nan"), "splits.fractions.test: must be at most 1"),
        (("{ train", "{ Train"), "splits.fractions.Train: 'Train' is not a name of lower-case letters, digits and _"),
        (("min_area_px = 20", 'min_area_px = "many"'), "boxes.min_area_px: must be a whole number"),
        (("min_area_px = 20", 'policy = "correct"'), "boxes.policy: must be 'published' or 'audited'. "),
        (('version = "1.0.0"', 'version = "1.0"'), "version: '1.0' is not a version of three numbers such as 1.0.0. "),
        (("2026-11-21", "21.11.2026"), "release_date: '21.11.2026' is not a date such as 2026-11-21. "),
        (('name = "small"', 'name = "../small"'), "name: '../small' is not a name of lower-case letters"),
        (('"counting"', '"guessing"'), "instructions.tasks.2: must be 'pointing', 'bounding', 'counting'"),
        (
            ("max_rejected_fraction = 0.5", "max_rejected_fraction = 5"),
            "validation.max_rejected_fraction: must be at most 1",
        ),
        (('title = "Small"', "title = "), "not valid TOML: Invalid value (at line 4, column 9). "),
        (("seed = 5", "seed = 5\nseed = 6"), "not valid TOML: Cannot overwrite a value (at line 6, column 9). "),
    ],
    ids=lambda value: value[1].strip() or "removed" if isinstance(value, tuple) else "",
)
def test_a_wrong_recipe_is_refused_with_the_key_at_fault(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    told = refusal(tmp_path, change)
    assert told.startswith(message)
    assert told.endswith(". Correct the recipe and run again.")


@pytest.mark.parametrize("names", ["train_a", "dev", "holdout", "retest", "fold_1"])
def test_splits_may_have_names_of_their_own(tmp_path: Path, names: str) -> None:
    recipe = load_recipe(write_recipe(tmp_path / "small.toml", ("test = 0.4", f"{names} = 0.4")))
    assert [*recipe.splits.fractions] == ["train", names]


@pytest.mark.parametrize("label", ["geschwür", "lésion", "息肉", "पॉलिप", "опухоль 2"])
def test_labels_may_have_letters_of_any_script(tmp_path: Path, label: str) -> None:
    change = ("[boxes]", f'[labels]\nnames = {{ polyps = "{label}" }}\n[boxes]')
    assert dict(load_recipe(write_recipe(tmp_path / "small.toml", change)).labels.names) == {"polyps": label}


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    told = refusal(tmp_path, ("seed = 5", "sead = 5"), ("min_area_px = 20", "min_area_px = 0"))
    assert "sead: unknown key" in told
    assert "boxes.min_area_px: must be at least 1" in told


def test_a_recipe_without_a_source_is_refused(tmp_path: Path) -> None:
    names = ("hyperkvasir", "kvasir_instrument", "visem_tracking")
    told = refusal(tmp_path, *((f"[sources.{name}]", "[sources]" if name == names[0] else "") for name in names))
    assert "sources: at least one source is needed" in told


def test_a_byte_order_mark_and_windows_line_ends_do_not_matter(tmp_path: Path) -> None:
    plain = load_recipe(write_recipe(tmp_path / "small.toml"))
    (tmp_path / "windows.toml").write_bytes(b"\xef\xbb\xbf" + RECIPE.replace("\n", "\r\n").encode())
    assert load_recipe(str(tmp_path / "windows.toml")) == plain


def test_a_recipe_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(RECIPE.replace("Small", "Größe").encode("latin-1"))
    with pytest.raises(UsageError, match=r"latin\.toml: not valid TOML: 'utf-8' codec can't decode byte 0xf6"):
        load_recipe(str(tmp_path / "latin.toml"))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("dmeo", "perhaps 'demo' is meant"),
        ("nowhere.toml", "there is no such file"),
        (".", "it is a folder"),
    ],
)
def test_a_recipe_that_is_not_there_is_answered_with_those_that_are(name: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_recipe(name)
    assert str(caught.value) == (
        f"no recipe '{name}': {said}. Give one of audited, demo, published or the path of a TOML file."
    )


def test_a_selection_keeps_the_order_of_the_recipe(tmp_path: Path) -> None:
    """The order decides which copy of an image wins."""
    recipe = load_recipe(write_recipe(tmp_path / "small.toml"))
    assert list(select_sources(recipe, ("visem_tracking", "hyperkvasir")).sources) == ["hyperkvasir", "visem_tracking"]
    assert select_sources(recipe, ()) == recipe
    with pytest.raises(
        UsageError, match="--only kvasir: recipe 'small' has no such source; it has hyperkvasir, kvasir_"
    ):
        select_sources(recipe, ("kvasir",))


def test_all_mistakes_of_a_recipe_are_told_at_once(tmp_path: Path) -> None:
    """A wrong value, an unknown key, an unknown source and a file that is not there."""
    path = tmp_path / "r.toml"
    path.write_text(
        'name = "r"\nversion = "1"\ntitle = "R"\nseeed = 3\n[sources.nowhere]\n[sources.hyperkvasir]\nnegatvies = []\n'
        '[boxes]\nthreshold = 70000\n[corrections]\nfiles = ["gone.toml"]\n'
    )
    with pytest.raises(UsageError) as caught:
        load_recipe(str(path))
    message = str(caught.value)
    for part in ("version", "seeed", "boxes.threshold: must be at most 65535", "'nowhere'", "negatvies", "gone.toml"):
        assert part in message


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("seed = 99999999999999999999999", "seed: must be below"),
        (f'name = "{"n" * 300}"', "name: must have at most 100 letters"),
        ("[boxes]\nmin_area_px = 99999999999999999999", "boxes.min_area_px: must be at most"),
        ("[images]\nmax_side = 1e400", "images.max_side"),
        ('[corrections]\nfiles = ["/etc/*.toml"]', "corrections.files: '/etc/*.toml'"),
        ('[corrections]\nfiles = ["~nosuchuser/a.toml"]', "corrections.files: '~nosuchuser/a.toml'"),
        (f'[corrections]\nfiles = ["{"x" * 5000}"]', "corrections.files"),
        ('[corrections]\nfiles = ["a\\u0000b"]', "corrections.files"),
        ("x = " + "[" * 3000 + "]" * 3000, "not valid TOML"),
        ('[sources.mine]\npath = "~nosuchuser"', "sources.mine.path"),
        (f'[sources.mine]\npath = "{"p" * 5000}"', "sources.mine.path"),
        ("[sources.visem_tracking]\nevery = 99999999999999999999", "sources.visem_tracking: every: must be at most"),
    ],
)
def test_odd_values_are_refused_with_their_key(tmp_path: Path, line: str, key: str) -> None:
    head = {"name": 'name = "r"', "version": 'version = "1.0.0"', "title": 'title = "R"'}
    kept = [text for name, text in head.items() if not line.startswith(f"{name} =")]
    sources = "" if "[sources" in line else "\n[sources.hyperkvasir]"
    path = tmp_path / "r.toml"
    before = not line.startswith("[")
    path.write_text("\n".join([*kept, *([line] if before else []), sources, *([] if before else [line]), ""]))
    with pytest.raises(UsageError) as caught:
        load_recipe(str(path))
    assert key in str(caught.value)
