"""``medmultipoints review``: decide about findings on a local page; each decision is an entry of the corrections."""

import webbrowser
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from medmultipoints.flows.cli.console import HEARTBEAT, OUT, print_json, say
from medmultipoints.flows.cli.options import JsonOption
from medmultipoints.flows.cli.releases.release import ReleaseArgument
from medmultipoints.flows.engine.planning.intention import shown
from medmultipoints.flows.recipe.corrections import parse_file
from medmultipoints.transforms.reporting.counted import plural

if TYPE_CHECKING:  # its imports take long, and `--help` needs none of them
    from medmultipoints.data_lake.review.exchange import Import

SHOWN = 20
NEXT = {
    "cvat": ": create a task from images/, then upload annotations.xml as CVAT for images 1.1",
    "label-studio": ": import tasks.json after serving the folder's parent as local files (docs/corrections.md)",
}
app = typer.Typer(no_args_is_help=True, help="Review a release: decide about its findings.")

CorrectionsOption = Annotated[
    Path, typer.Option(metavar="FILE", help="The corrections file of the recipe that decisions go to.")
]
SampleOption = Annotated[
    int, typer.Option(min=0, metavar="N", help="Also queue N records, drawn at random, to be checked.")
]
PORT = 4280
ReviewerOption = Annotated[str, typer.Option(metavar="NAME", help="Who decided; published with the release.")]


@app.command()
def serve(
    release: ReleaseArgument,
    corrections: CorrectionsOption,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page; 0: any free port.")] = PORT,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    sample: SampleOption = 0,
    seed: Annotated[int, typer.Option(help="Another seed draws other records.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Serve a local page on which you decide about findings, with mouse or keyboard.

    Every decision is written to the corrections file, on disk, before the page says so. Build the recipe again to
    apply them. The address holds a token; no other machine can reach the page, and it asks no other host.

    Example: `medmultipoints review serve lake/releases/demo/1.0.0 --corrections corrections/polyps.toml --open`
    """
    from medmultipoints.data_lake.review.address import open_address
    from medmultipoints.data_lake.review.corrections_file import CorrectionsFile

    file = CorrectionsFile(corrections.expanduser().absolute(), parse_file)
    file.read()
    address = open_address(port)
    if not as_json:
        OUT.print(str(address), markup=False, highlight=False, soft_wrap=True)
    say(f"reading {shown(release)}")
    from medmultipoints.data_lake.review.desk import Desk  # takes long: the address is printed before
    from medmultipoints.data_lake.review.server import serve as serve_desk

    desk = Desk(release, sample=sample, seed=seed)
    if as_json:
        print_json({"address": str(address), "to_decide": desk.waiting, "corrections": str(file.path)})
    _announce(desk.waiting, file.path)
    if open_page:
        webbrowser.open(str(address))
    with suppress(KeyboardInterrupt):
        serve_desk(desk, file, address)
    say("stopped")


def _announce(waiting: int, corrections: Path) -> None:
    """Say what is to decide, where decisions go and how they are applied; from now on the command waits."""
    say(f"{plural(waiting, 'finding')} to decide; decisions go to {corrections}; Ctrl-C stops")
    say("to apply them: medmultipoints build RECIPE --version auto, where [corrections] files names this file")
    HEARTBEAT.idle = True


@app.command("export")
def export_labels(
    release: ReleaseArgument,
    tool: Annotated[
        Literal["cvat", "label-studio", "w3c", "coco"], typer.Option("--to", help="Tool or standard to write for.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="A new folder, or an earlier export of the same.")],
    as_json: JsonOption = False,
) -> None:
    """Write pictures and labels of a release for another tool; masks stay exact, pictures are named by their hash.

    `w3c` writes the decisions that the release holds, without pictures, as W3C Web Annotations; `coco` the pictures
    whose labels a reviewer changed, each with all its objects as they are released now.

    Example: `medmultipoints review export lake/releases/demo/1.0.0 --to cvat --out for-cvat`
    """
    from medmultipoints.data_lake.review.desk import Desk
    from medmultipoints.data_lake.review.exchange import export_decisions
    from medmultipoints.data_lake.review.exchange import export_labels as export

    if tool == "w3c" or tool == "coco":
        what, number, place = "decision", export_decisions(Desk(release), out, tool), f"{out}/annotations.json"
    else:
        what, number, place = "picture", export(Desk(release), tool, out), f"{out}{NEXT[tool]}"
    if as_json:
        print_json({f"{what}s": number, "folder": str(out)})
    else:
        OUT.print(f"{plural(number, what)} in {place}", markup=False)


@app.command("import")
def import_labels(
    file: Annotated[Path, typer.Argument(help="The tool's export: CVAT for images 1.1, COCO or Label Studio JSON.")],
    release: Annotated[Path, typer.Option(metavar="RELEASE", help="The release that was exported.")],
    corrections: CorrectionsOption,
    reviewer: ReviewerOption,
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Why the labels were changed; published with the release.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Turn labels that were edited in another tool into entries of the corrections; pictures without changes get none.

    Objects are matched by their id or place: moved, cut, joined, relabelled, deleted or new. If a picture or a shape of
    the file cannot be matched or read, nothing is written.

    Example: `medmultipoints review import annotations.xml --release lake/releases/demo/1.0.0
    --corrections corrections/cvat.toml --reviewer "A. Reviewer" --reason "redrawn"`
    """
    from medmultipoints.data_lake.review.corrections_file import CorrectionsFile
    from medmultipoints.data_lake.review.desk import Desk
    from medmultipoints.data_lake.review.exchange import import_labels as take_in

    target = CorrectionsFile(corrections.expanduser().absolute(), parse_file)
    done = take_in(Desk(release), file, target, " ".join(reviewer.split()), " ".join(reason.split()))
    if as_json:
        print_json(asdict(done))
    else:
        _print_imported(done, target.path)


def _print_imported(done: "Import", path: Path) -> None:
    """Print the changes, what was left out or kept as second opinions, and the file of the entries."""
    counts = plural(done.changed, "picture"), f"{done.unchanged:,}", plural(done.entries, "entry", "entries")
    OUT.print("{} changed, {} unchanged, {}".format(*counts), markup=False)
    for line in done.changes[:SHOWN]:
        OUT.print(f"  {line}", markup=False)
    if len(done.changes) > SHOWN:
        OUT.print(f"  ... and {len(done.changes) - SHOWN:,} more, all in {path}")
    for line in done.left_out[:10]:
        say(f"left out: {line}")
    if not done.changed and not done.unchanged:
        say("no picture of the file has annotations: give the file that the tool exports after the work, not its tasks")
    elif done.opinions:
        say(
            f"{plural(done.opinions, 'entry', 'entries')} kept as second opinions and NOT applied: another reviewer "
            "decided about these pictures. Settle them with `medmultipoints review serve`, filter conflicts."
        )
    if done.entries:
        say(f"written to {path}; build the recipe again to apply them")
