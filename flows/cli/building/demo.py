"""``medmultipoints demo``: the whole pipeline on simulated sources, in seconds."""

from typing import Annotated

import typer

from medmultipoints.data_lake.simulate import SimulatedSizes, write_sources
from medmultipoints.data_lake.store.layout import open_lake
from medmultipoints.flows.cli.building.build import label_table, print_places, timed, unchanged
from medmultipoints.flows.cli.console import OUT, print_json, say, table
from medmultipoints.flows.cli.options import DEFAULT_LAKE, JsonOption, LakeOption
from medmultipoints.flows.engine.execute import Outcome
from medmultipoints.flows.engine.planning.intention import shown
from medmultipoints.flows.engine.request import BuildRequest
from medmultipoints.transforms.sources.simulated.faults import all_faults


def demo(
    lake: LakeOption = DEFAULT_LAKE,
    seed: Annotated[int, typer.Option(help="Another seed gives other pictures.")] = 7,
    workers: Annotated[int | None, typer.Option(min=1, help="Threads; the default is one per core.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Simulate the three sources with planted faults and build a release from them. Needs no network.

    Example: `medmultipoints demo --lake /tmp/lake`
    """
    folder = open_lake(lake).landing / f"simulated-{seed}"
    if not folder.exists():
        say(f"simulating three sources with {len(all_faults())} kinds of planted faults in {shown(folder)}")
    simulated = write_sources(folder, seed=seed, sizes=SimulatedSizes(), faults=all_faults())
    paths = {name: str(path) for name, path in simulated.paths.items()}
    outcome = timed(BuildRequest(recipe="demo", lake=str(lake), sources=paths, workers=workers, version="auto"))
    if as_json:
        print_json(outcome.to_json())
        return
    if not unchanged(outcome):
        print_summary(outcome)


def print_summary(outcome: Outcome) -> None:
    """Print at most 20 lines: the demo's result, commands to try next, and last the page to open."""
    OUT.print(f"[bold]{outcome.sentence()}[/] in {outcome.seconds:.1f} s")
    table("", *label_table(outcome.table("records")))
    release = shown(outcome.release.path)
    OUT.print("\n[bold]Try next[/]")
    OUT.print(f"  medmultipoints verify {release}", markup=False)
    OUT.print(f"  medmultipoints review serve {release} --corrections corrections/demo.toml --open", markup=False)
    OUT.print(f"  medmultipoints quarantine list --lake {shown(outcome.build.lake.root)}", markup=False)
    OUT.print(f"  python -c \"from datasets import load_dataset; print(load_dataset('{release}'))\"", markup=False)
    print_places(outcome)
