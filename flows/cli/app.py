"""The application: one command a module, one place where errors become messages and exit codes."""

import os
import signal
import sys
import traceback
from tempfile import NamedTemporaryFile
from types import FrameType
from typing import NoReturn

import typer

from medmultipoints.flows.cli import (
    audit,
    build,
    demo,
    diff,
    evaluate,
    fetch,
    inspect_lake,
    inspect_release,
    lake,
    leakage,
    publish,
    quarantine,
    report,
    review,
    sample,
    serve,
    sign,
    status,
)
from medmultipoints.flows.cli.console import say_error
from medmultipoints.transforms.errors import MachineError, PipelineError

INTERRUPTED = 130

app = typer.Typer(
    name="medmultipoints",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Turns medical images with masks or tracks into a validated, reproducible dataset.\n\n"
    "Start with `medmultipoints demo`.",
)
app.command("demo")(demo.demo)
app.command("build")(build.build)
app.command("fetch")(fetch.fetch)
app.command("sources")(inspect_lake.sources)
app.command("recipes")(inspect_lake.recipes)
app.command("status")(status.status)
app.add_typer(quarantine.app, name="quarantine")
app.command("verify")(inspect_release.verify)
app.command("audit")(audit.audit)
app.command("report")(report.report)
app.add_typer(review.app, name="review")
app.command("diff")(diff.diff)
app.command("sign")(sign.sign)
app.command("leakage")(leakage.leakage)
app.command("show")(inspect_release.show)
app.command("export")(inspect_release.export)
app.command("publish")(publish.publish)
app.command("serve")(serve.serve)
app.add_typer(lake.app, name="lake")
app.command("sample")(sample.sample)
app.command("evaluate")(evaluate.evaluate)


def main() -> NoReturn:
    """Run the command line; every error ends in a message and an exit code, none in a traceback."""
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)
    try:
        # Typer does not raise Exit in this mode: it returns the code, and 130 where it caught an interrupt itself.
        code = app(standalone_mode=False) or 0
        if code == INTERRUPTED:
            raise KeyboardInterrupt
    except PipelineError as error:
        say_error(str(error))
        code = error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        say_error("interrupted. Nothing is half-written; run the same command again to go on where it stopped.")
        code = INTERRUPTED
    except typer.TyperException as error:
        words = error.format_message().replace("Value error, ", "").replace("Input should be", "must be").rstrip(".")
        if words:  # there are none where the help was printed instead
            say_error(f"{words}. See `medmultipoints --help`.")
        code = 2
    except OSError as error:
        say_error(f"{error.strerror or error}: {error.filename or ''}. Check disk and permissions, then run again.")
        code = MachineError.exit_code
    except Exception as fault:  # noqa: BLE001 (the last resort: a person gets a sentence, a developer the details)
        with NamedTemporaryFile("w", prefix="medmultipoints-", suffix=".log", delete=False) as log:
            traceback.print_exc(file=log)
        say_error(f"a fault of the program: {type(fault).__name__}: {fault}. Please report it with {log.name}.")
        code = MachineError.exit_code
    sys.stdout.flush()
    sys.stderr.flush()
    # Worker threads may be in the middle of a shard; what they write is temporary until renamed: leave at once.
    os._exit(code)


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Stop in order at the first signal, at once at the second: nothing unfinished is ever in place."""
    for again in (signal.SIGINT, signal.SIGTERM):
        signal.signal(again, lambda *_: os._exit(INTERRUPTED))
    raise KeyboardInterrupt
