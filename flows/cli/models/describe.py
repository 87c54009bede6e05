"""``medmultipoints describe``: ask a language model for descriptions of the pictures of a release."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medmultipoints.flows.cli.console import HEARTBEAT, OUT, print_json, say, say_error, table
from medmultipoints.flows.cli.options import JsonOption, SplitOption
from medmultipoints.flows.cli.releases.release import ReleaseArgument
from medmultipoints.transforms.errors import MachineError
from medmultipoints.transforms.reporting.counted import plural

if TYPE_CHECKING:  # its imports take long, and `--help` needs none of them
    from medmultipoints.data_lake.describe.describe_pictures import Described

SettingsOption = Annotated[
    Path, typer.Option(metavar="FILE", help="TOML file that names the server, the model and the limits.")
]


def describe(
    release: ReleaseArgument,
    out: Annotated[Path, typer.Option(metavar="FILE", help="File of the replies; existing ones are kept.")],
    settings: SettingsOption,
    split: SplitOption = None,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Describe only the first N pictures.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Ask an OpenAI-compatible server to describe pictures, and judge every sentence against what is measured.

    Text in the pictures is filled before they are sent. The replies are pinned by a recipe (`[describe]`), whose build
    keeps the sentences without a false claim. An interrupted run continues; nothing is asked twice.

    Example: `medmultipoints describe lake/releases/demo/1.0.0 --settings server.toml --out replies.jsonl`
    """
    from medmultipoints.data_lake.describe.describe_pictures import describe_pictures
    from medmultipoints.data_lake.describe.server_settings import read_settings
    from medmultipoints.data_lake.store.hashing import file_sha256

    chosen = read_settings(settings)

    def progress(done: int, total: int) -> None:
        HEARTBEAT.doing = f"{done:,} of {plural(total, 'picture')}"

    done = describe_pictures(release, out, chosen, split=split, limit=limit, progress=progress, say=say)
    sha256 = file_sha256(out)
    code = MachineError.exit_code if done.unanswered or done.stopped else 0
    if as_json:
        print_json(asdict(done) | {"file": str(out), "sha256": sha256})
        raise typer.Exit(code)
    _print_described(done, out, sha256)
    raise typer.Exit(code)


def _print_described(done: "Described", out: Path, sha256: str) -> None:
    """Print what was asked and judged, the section for the recipe, and why pictures have no answer."""
    say(f"{plural(done.asked, 'picture')} asked for, {done.known:,} known from before; cost {done.cost:.2f}")
    say(f"{plural(done.filled, 'place')} of text filled in the pictures")
    rows = [[verdict, f"{done.sentences[verdict]:,}"] for verdict in ("true", "false", "uncheckable")]
    table(f"Sentences of {plural(done.judged, 'picture')}", ["verdict", "sentences"], rows)
    OUT.print(f"{done.kept:,} of {plural(done.judged, 'text')} kept, at least in part", highlight=False)
    for reason, number in sorted(done.fallen.items()):
        OUT.print(f"{plural(number, 'text')} dropped: {reason}", markup=False)
    OUT.print(f'\n[describe]\nfile   = "{out.name}"\nsha256 = "{sha256}"', markup=False)
    for problem, number in sorted(done.unanswered.items()):
        say_error(f"{plural(number, 'picture')} without an answer: {problem}. Run again to ask for the rest.")
    if done.stopped:
        say_error(done.stopped)
