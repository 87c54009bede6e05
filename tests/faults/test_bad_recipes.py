"""A recipe or an argument that is wrong is named with its key before anything is fetched, read or written."""

from pathlib import Path

import pytest

from medmultipoints.flows.engine.prepare import prepare
from medmultipoints.flows.engine.request import BuildRequest, ask, parse_sources
from medmultipoints.flows.stages.pipeline import PIPELINE
from medmultipoints.transforms.errors import UsageError
from tests.faults.building import write_recipe
from tests.faults.tiny_sources import make_polyps, write_polyps

HEAD = 'name = "tiny"\nversion = "1.0.0"\ntitle = "Tiny"\n'
POLYPS = "[sources.hyperkvasir]\n"
FRAMES = "[sources.visem_tracking]\n"
NOT_THERE = "there is no such file or folder. Give the path of an archive or a folder."
CORRECT = "Correct the recipe and run again."


def refused(folder: Path, **arguments: object) -> str:
    """The message of a request that is refused as wrong usage, with no lake made."""
    with pytest.raises(UsageError) as caught:
        prepare(ask(BuildRequest, lake=str(folder / "lake"), **arguments), PIPELINE)
    assert caught.value.exit_code == 2
    assert not (folder / "lake").exists()
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (HEAD + "colour = 'red'\n" + POLYPS, "colour: unknown key; known are"),
        (HEAD + POLYPS + "[boxes]\nthresold = 3\n", "boxes.thresold: unknown key; perhaps 'threshold' is meant."),
        (HEAD + POLYPS + "every = 3\n", "sources.hyperkvasir: every: unknown key"),
        (
            HEAD + POLYPS + "[validation.by_stage]\nderiv = 0.1\n",
            "validation.by_stage.deriv: 'deriv' is not a stage; perhaps 'derive' is meant",
        ),
        (HEAD + "[sources.kvasir]\n", "unknown source 'kvasir'; perhaps 'hyperkvasir' is meant, or give"),
        (HEAD + "[sources]\n", "sources: at least one source is needed."),
        (HEAD, "sources: the key is missing."),
        (POLYPS, "name: the key is missing; version: the key is missing; title: the key is missing."),
        (HEAD + POLYPS + "[labels.names]\npolypz = 'x'\n", "labels.names: unknown label 'polypz'; its sources bring"),
        (HEAD + POLYPS + "[labels.names]\ncluster = 'x'\n", "labels.names: unknown label 'cluster'; its sources bring"),
        (HEAD + POLYPS + "negatives = ['dragon']\n", "sources.hyperkvasir: negatives: 'dragon' is not a finding."),
        (HEAD + POLYPS + "negatives = ['polyp']\n", "sources.hyperkvasir: negatives: images of 'polyp' may show"),
        (HEAD + FRAMES + "sampling = 'some'\n", "sources.visem_tracking: sampling: must be 'all', 'every'"),
        (HEAD + FRAMES + "every = 0\n", "sources.visem_tracking: every: must be at least 1."),
        (HEAD + FRAMES + "per_video = 2.5\n", "sources.visem_tracking: per_video: must be a whole number"),
        (HEAD + POLYPS + "[splits]\nfractions = { train = 0.5 }\n", "splits: the fractions sum to 0.5, not 1."),
        (HEAD + POLYPS + "[instructions]\ntasks = ['dance']\n", "instructions.tasks.0: must be 'pointing'"),
        (HEAD + POLYPS + "[validation]\nmax_rejected_fraction = 7\n", "validation.max_rejected_fraction: must be"),
        (HEAD.replace("1.0.0", "1.0") + POLYPS, "version: '1.0' is not a version of three numbers such as 1.0.0."),
        (HEAD.replace("tiny", "Ti ny") + POLYPS, "name: 'Ti ny' is not a name of lower-case letters, digits and _"),
        (HEAD + "release_date = 'today'\n" + POLYPS, "release_date: 'today' is not a date such as 2026-11-21."),
        ("name = ", "not valid TOML: Invalid value (at end of document)."),
    ],
)
def test_a_bad_recipe_is_refused_with_its_key(tmp_path: Path, text: str, problem: str) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(text)
    message = refused(tmp_path, recipe=str(recipe))
    assert message.startswith(f"recipe {recipe}: {problem}")
    assert message.endswith(CORRECT) or "Choose from cecum" in message or "Remove it from the recipe." in message


def test_a_recipe_that_is_no_text_is_refused(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_bytes(b"\xff\xfe\x00")
    message = refused(tmp_path, recipe=str(recipe))
    assert message.startswith(f"recipe {recipe}: not valid TOML: 'utf-8' codec can't decode byte 0xff in position 0")


@pytest.mark.parametrize(
    ("recipe", "why"),
    [
        ("audted", "perhaps 'audited' is meant"),
        ("missing/recipe.toml", "there is no such file"),
        (".", "it is a folder"),
    ],
)
def test_a_recipe_that_is_not_there_is_refused(tmp_path: Path, recipe: str, why: str) -> None:
    """With those that are."""
    assert refused(tmp_path, recipe=recipe) == (
        f"no recipe '{recipe}': {why}. Give one of audited, demo, published or the path of a TOML file."
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sources": {"hyperkvasir": "/nowhere"}}, f"source hyperkvasir=/nowhere: {NOT_THERE}"),
        ({"sources": {"visem": "."}}, "source visem: the build uses hyperkvasir and no source 'visem'."),
        ({"only": ("kvasir",)}, "--only kvasir: recipe 'tiny' has no such source; it has hyperkvasir."),
        ({"version": "1.2"}, "version: '1.2' is not a version of three numbers such as 1.2.0, or auto."),
    ],
)
def test_bad_arguments_are_refused(tmp_path: Path, arguments: dict[str, object], message: str) -> None:
    recipe = write_recipe(tmp_path, ["hyperkvasir"])
    assert refused(tmp_path, recipe=str(recipe), **arguments) == message


def test_a_source_without_a_path_is_refused() -> None:
    with pytest.raises(UsageError, match="--source hyperkvasir: write it as NAME=PATH, for example hyperkvasir=~/data"):
        parse_sources(["hyperkvasir"])


def test_a_byte_order_mark_and_crlf_in_a_recipe_are_no_fault(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, ["hyperkvasir"])
    recipe.write_bytes(b"\xef\xbb\xbf" + recipe.read_bytes().replace(b"\n", b"\r\n"))
    source = write_polyps(tmp_path / "polyps", make_polyps())
    request = BuildRequest(recipe=str(recipe), lake=str(tmp_path / "lake"), sources={"hyperkvasir": str(source)})
    assert prepare(request, PIPELINE).recipe.name == "tiny"


def test_limits_can_be_set_for_every_stage_there_is(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, ["hyperkvasir"])
    limits = "".join(f"{stage.name} = 0.5\n" for stage in PIPELINE)
    recipe.write_text(recipe.read_text() + f"[validation.by_stage]\n{limits}")
    source = write_polyps(tmp_path / "polyps", make_polyps())
    request = BuildRequest(recipe=str(recipe), lake=str(tmp_path / "lake"), sources={"hyperkvasir": str(source)})
    assert set(prepare(request, PIPELINE).recipe.validation.by_stage) == {stage.name for stage in PIPELINE}
