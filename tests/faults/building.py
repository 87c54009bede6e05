"""Whole builds in this process, and what must hold after each of them."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from medmultipoints.data_lake.release.checks.verify import verify_release
from medmultipoints.data_lake.store.layout import Lake
from medmultipoints.flows.engine.execute import Outcome, execute
from medmultipoints.flows.engine.prepare import prepare
from medmultipoints.flows.engine.report import exclusions_of
from medmultipoints.flows.engine.request import BuildRequest
from medmultipoints.flows.engine.running.run import Unwatched, run_in_threads
from medmultipoints.flows.stages.pipeline import PIPELINE
from medmultipoints.transforms.errors import PipelineError

RECIPE = "tiny"


def write_recipe(folder: Path, sources: Iterable[str], limit: float = 1.0) -> Path:
    """The recipe file of the sources in their order; ``limit`` is the largest share of rejected inputs.

    Zero counts are asked for, so that a frame whose labels are missing could get one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tables = "".join(f"[sources.{name}]\n" for name in sources)
    head = f'name = "{RECIPE}"\nversion = "1.0.0"\ntitle = "Tiny"\nrelease_date = "2026-11-21"\n'
    path = folder / f"{RECIPE}.toml"
    path.write_text(f"{head}{tables}[labels]\nzero_counts = true\n[validation]\nmax_rejected_fraction = {limit}\n")
    return path


def build(folder: Path, sources: Mapping[str, Path], limit: float = 1.0) -> Outcome:
    """The outcome of a build of these sources in ``folder/lake``."""
    recipe = write_recipe(folder, sources, limit)
    given = {name: str(path) for name, path in sources.items()}
    request = BuildRequest(recipe=str(recipe), lake=str(folder / "lake"), sources=given)
    return execute(prepare(request, PIPELINE), PIPELINE, run_in_threads(2), Unwatched())


def message_of_stop(folder: Path, sources: Mapping[str, Path], exit_code: int, limit: float = 1.0) -> str:
    """The message of a build that must stop with this exit code and leave no release, whole or half.

    Where it names the path of a source, it is told without it.
    """
    with pytest.raises(PipelineError) as caught:
        build(folder, sources, limit)
    assert caught.value.exit_code == exit_code
    check_nothing_released(Lake(folder / "lake"))
    message = str(caught.value)
    for path in sources.values():
        above = path if path.is_dir() else path.parent
        message = message.replace(f" in {path}: ", ": ").replace(f"{above}/", "")
    return message


def excluded(outcome: Outcome) -> dict[str, tuple[str, str, str]]:
    """Verdict, reason and detail by the key of the input, over all stages."""
    rows = exclusions_of(outcome).select("key", "verdict", "reason", "detail").rows()
    return {key: (verdict, reason, detail) for key, verdict, reason, detail in rows}


def released(outcome: Outcome) -> set[str]:
    """The sample ids of all images of the release."""
    return set(outcome.table("released_images")["sample_id"])


def check_closed(outcome: Outcome) -> None:
    """Nothing is lost at any stage, the release is whole, and nothing lies beside it."""
    given = {name for source in outcome.build.sources for name in outcome.build.files(source.name).names()}
    assert outcome.stages[0].counts["in"] >= len(given)
    for stage in outcome.stages:
        count = stage.counts
        assert count["in"] == count["used"] + count.get("dropped", 0) + count.get("rejected", 0), stage.name
    rows = exclusions_of(outcome)
    assert rows.height == sum(stage.counts["dropped"] + stage.counts["rejected"] for stage in outcome.stages)
    assert all(check.ok for check in verify_release(outcome.release.path).checks)
    check_tidy(outcome.build.lake, releases=["1.0.0"])


def check_nothing_released(lake: Lake) -> None:
    """No release and no part of one."""
    check_tidy(lake, releases=[])


def check_tidy(lake: Lake, releases: list[str]) -> None:
    """Exactly these releases stand, and nothing that was being written is left."""
    there = [path.name for path in lake.releases.glob("*/*") if path.name != ".lock"]
    left = [*lake.temporary.glob("*"), *lake.scratch.glob("*.unfinished")]
    assert (there, left) == (releases, [])
