"""The same root whatever folder and workers; edits rebuild exactly what depends on them.

The order of the entries of an archive shows in the hash of the archive alone.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medmultipoints.data_lake.release.card.croissant import CROISSANT
from medmultipoints.data_lake.release.write.manifest import read_manifest
from medmultipoints.data_lake.release.write.origins import INPUTS
from medmultipoints.data_lake.simulate import SimulatedSizes, SimulatedSources, write_sources
from medmultipoints.flows.stages.pipeline import PIPELINE
from medmultipoints.transforms.sources.simulated.faults import all_faults
from tests.acceptance.builds import build_apart, differing, kept_stages, rebuilt_stages
from tests.acceptance.inputs import ROOT, small
from tests.acceptance.state import tracked_and_new_files

SEED = 5
STAGES = frozenset(stage.name for stage in PIPELINE)


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of a file, and the stages that must be built anew after it: those that depend on it, no other."""

    what: str
    file: str
    change: Callable[[str], str]
    rebuilt: frozenset[str]


def append(line: str) -> Callable[[str], str]:
    """A change that adds a line at the end: the code does the same, but is another."""
    return lambda text: f"{text}\n{line}\n"


def replace(old: str, new: str) -> Callable[[str], str]:
    """A change of the first occurrence of a text that must be there."""

    def change(text: str) -> str:
        assert old in text, f"the text to edit is not there: {old!r}"
        return text.replace(old, new, 1)

    return change


FROM_RECORD = frozenset({"record", "witness", "instruct", "translate", "describe", "release", "manifest"})
FROM_INSTRUCT = frozenset({"instruct", "translate", "release", "manifest"})
EDITS = (
    Edit("a transform of derive", "transforms/regions/derive.py", append("# edited"), STAGES - {"index"}),
    Edit("a transform of split", "transforms/splits/assign.py", append("# edited"), FROM_RECORD | {"split", "redact"}),
    Edit("a helper of instruct", "transforms/instructions/prompts.py", append("# edited"), FROM_INSTRUCT),
    Edit(
        "a template",
        "transforms/instructions/templates/counting.toml",
        replace("How many", "Tell how many"),
        FROM_INSTRUCT,
    ),
    Edit("a threshold", "flows/recipes/demo.toml", replace("[boxes]", "[boxes]\nmin_area_px = 21"), STAGES - {"index"}),
    Edit(
        "a suite rule",
        "expectations/suites/records.json",
        replace('"severity": "warning"', '"severity": "critical"'),
        FROM_RECORD,
    ),
    Edit(
        "a suite rule of instructions",
        "expectations/suites/instructions.json",
        replace('"severity": "warning"', '"severity": "critical"'),
        FROM_INSTRUCT,
    ),
    Edit("the card's template", "data_lake/release/card/card.md.jinja", append("."), frozenset({"manifest"})),
    Edit("the command line", "flows/cli/console.py", append("# edited"), frozenset()),
)


def run(work: Path) -> dict[str, Any]:
    """Two builds, a second build, and one rebuild for each edit in a copy of the checkout."""
    root, seconds = compare_builds(work)
    again, repeated = build_apart("demo", work / "first", simulate(work / "plain").paths)
    assert kept_stages(again) == STAGES, f"a second build does not keep {sorted(rebuilt_stages(again))}"
    assert again["manifest_root"] == root, "a second build gives another root"
    return {
        "manifest_root": root,
        "seconds_1_worker": seconds[0],
        "seconds_4_workers_shuffled": seconds[1],
        "seconds_second_build": round(repeated.seconds, 2),
        "seconds_second_build_without_start": round(again["build_seconds"], 2),
        "rebuilt": check_edits(work, root),
    }


def simulate(folder: Path, shuffle_seed: int | None = None) -> SimulatedSources:
    """The three sources with every known fault."""
    sizes = SimulatedSizes(polyps=60, instruments=30, videos=3, frames=40 if small() else 120)
    return write_sources(folder, seed=SEED, sizes=sizes, faults=all_faults(), shuffle_seed=shuffle_seed)


def compare_builds(work: Path) -> tuple[str, tuple[float, float]]:
    """The root of a build with one worker, and its seconds and those with four workers and shuffled archives."""
    first, cost = build_apart("demo", work / "first", simulate(work / "plain").paths, workers=1)
    shuffled = simulate(work / "shuffled", shuffle_seed=99)
    _, other_cost = build_apart("demo", work / "second", shuffled.paths, workers=4)
    one, two = (read_manifest(next((work / lake / "releases").glob("*/*"))) for lake in ("first", "second"))
    differing_files = {file.path for file in {*one.files} ^ {*two.files}}
    assert differing_files == {INPUTS, CROISSANT}, f"shuffled archives change {sorted(differing_files)}"
    return first["manifest_root"], (round(cost.seconds, 2), round(other_cost.seconds, 2))


def check_edits(work: Path, root: str) -> dict[str, list[str]]:
    """The stages that each edit rebuilds, by what is edited; before it, a copy elsewhere gives the same root."""
    copy, lake = copy_checkout(work / "copy"), work / "copy-lake"
    sources = simulate(work / "plain").paths
    unedited, _ = build_apart("demo", lake, sources, workers=4, code=copy)
    assert unedited["manifest_root"] == root, f"a copy with four workers gives {unedited['manifest_root']}, not {root}"
    found = {}
    for edit in EDITS:
        path = copy / edit.file
        text = path.read_text("utf-8")
        path.write_text(edit.change(text), "utf-8")
        shutil.rmtree(lake / "releases")  # of this version a release stands, which a build never changes
        printed, _ = build_apart("demo", lake, sources, code=copy)
        path.write_text(text, "utf-8")
        rebuilt = rebuilt_stages(printed)
        assert rebuilt == edit.rebuilt, f"editing {edit.what} ({edit.file}): {differing(edit.rebuilt, rebuilt)}"
        found[f"{edit.what}: {edit.file}"] = [stage.name for stage in PIPELINE if stage.name in rebuilt]
    return found


def copy_checkout(folder: Path) -> Path:
    """All files of the checkout that are not ignored, elsewhere."""
    for name in tracked_and_new_files():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target, follow_symlinks=False)  # the rooms are links in medmultipoints
    return folder
