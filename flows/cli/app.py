"""Define the application: commands are loaded on use, and errors become messages in one place."""

import ast
import errno
import io
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from medmultipoints.flows.cli.defaults import read_defaults
from medmultipoints.flows.engine.running.collecting import without_collecting
from medmultipoints.flows.engine.running.interrupts import INTERRUPTED
from medmultipoints.transforms.errors import MachineError, PipelineError, SourceDataError, is_memory_short

INTERRUPTED_CODE, BROKEN_PIPE = 130, 141
GROUP = "app"

# Each command's module and function; for a group, its application.
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("building.demo", "demo"),
    "build": ("building.build", "build"),
    "fetch": ("building.fetch", "fetch"),
    "inspect": ("building.inspect", "inspect"),
    "sources": ("building.catalogue", "sources"),
    "recipes": ("building.catalogue", "recipes"),
    "status": ("operations.status", "status"),
    "quarantine": ("review.quarantine", GROUP),
    "verify": ("releases.release", "verify"),
    "audit": ("review.audit", "audit"),
    "report": ("releases.report", "report"),
    "review": ("review.review", GROUP),
    "diff": ("releases.diff", "diff"),
    "sign": ("releases.release", "sign"),
    "leakage": ("releases.leakage", "leakage"),
    "show": ("releases.release", "show"),
    "export": ("releases.release", "export"),
    "publish": ("releases.publish", "publish"),
    "deposit": ("releases.deposit", "deposit"),
    "serve": ("operations.serve", "serve"),
    "lake": ("operations.lake", GROUP),
    "sample": ("releases.sample", "sample"),
    "evaluate": ("models.evaluate", "evaluate"),
    "describe": ("models.describe", "describe"),
    "train-witness": ("models.witness", "train_witness"),
    "witness": ("models.witness", "witness"),
    "evaluate-clicks": ("models.witness", "evaluate_clicks"),
}


def load(name: str) -> Any:
    """Import the module of a command and return the command."""
    module, attribute = COMMANDS[name]
    found = getattr(import_module(f"medmultipoints.flows.cli.{module}"), attribute)
    if attribute == GROUP:
        group = typer.main.get_group(found)
        group.name = name
        return group
    alone = typer.Typer(rich_markup_mode="markdown", add_completion=False)
    alone.command(name)(found)
    return typer.main.get_command(alone)


@cache
def help_of(name: str) -> str:
    """Return the help of a command from the source of its module, without importing it."""
    module, attribute = COMMANDS[name]
    tree = ast.parse(Path(__file__).parent.joinpath(f"{module.replace('.', '/')}.py").read_bytes())
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == attribute:
            return ast.get_docstring(node) or ""
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == attribute and attribute == GROUP:
            call = node.value
            assert isinstance(call, ast.Call)
            return next(str(ast.literal_eval(given.value)) for given in call.keywords if given.arg == "help")
    raise LookupError(name)


class Deferred(TyperGroup):
    """A group that shows its commands by name and help, and imports a command only when it is called."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {name: TyperCommand(name, help=help_of(name)) for name in COMMANDS}

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the called command and its arguments; start a heartbeat that runs until the command ends."""
        from medmultipoints.flows.cli.console import HEARTBEAT

        name, _, rest = super().resolve_command(ctx, args)
        ctx.call_on_close(HEARTBEAT.start())
        with without_collecting():
            return name, load(name) if name else None, rest


app = typer.Typer(
    cls=Deferred,
    name="medmultipoints",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Turn medical images with masks or tracks into a validated, reproducible dataset.\n\n"
    "Start with `medmultipoints demo`.",
)


def _print_version(asked: bool) -> None:
    if asked:
        import medmultipoints

        typer.echo(f"medmultipoints {medmultipoints.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Handle the options of the program itself."""


def escape_unprintable() -> None:
    """Make standard output and error escape characters that their encoding lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


CHECK = "Check disk and permissions"
OUT_OF_MEMORY = (
    "memory ran out. Nothing is half-written: give the process more memory, or use fewer --workers, and run again."
)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line; every error ends in a message and an exit code, none in a traceback."""
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)
    escape_unprintable()
    os.environ["PYTHONSAFEPATH"] = "1"  # workers and servers run no code from their working folder
    try:
        code = _run(list(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()
    except BrokenPipeError:  # as with `medmultipoints show RELEASE | head`
        code = BROKEN_PIPE
    sys.stderr.flush()
    # Worker threads may be inside a shard, whose files are temporary until renamed: exit at once.
    os._exit(code)


def _run(arguments: list[str]) -> int:
    try:
        # In this mode Typer does not raise Exit: it returns the code, and 130 if it caught an interrupt itself.
        code = int(app(arguments, standalone_mode=False, default_map=read_defaults(COMMANDS)) or 0)
        if code == INTERRUPTED_CODE:
            raise KeyboardInterrupt
    except BaseException as error:
        # rich exits if the reader of standard output is gone
        if isinstance(error, BrokenPipeError | SystemExit) and not INTERRUPTED.is_set():
            raise BrokenPipeError from error
        code, message = explain(error)
        if message:
            _report(code, message, error)
    return code


def _report(code: int, message: str, error: BaseException) -> None:
    """Report an error; with the plainest means if no memory is left for others."""
    try:
        report_error(code, message, error)
    except (MemoryError, ImportError, SystemError):
        os.write(2, f"error: {message}\n".encode("utf-8", "backslashreplace"))


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether memory ran out, also where a native library could not be loaded for lack of it."""
    if is_memory_short(error) or isinstance(error, MemoryError):
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    said = {ImportError: "failed to map segment", SystemError: "without exception set"}  # of native modules
    return any(isinstance(error, kind) and words in str(error) for kind, words in said.items())


def explain(error: BaseException) -> tuple[int, str]:
    """Return the exit code and message of an error; no message if the help was printed instead."""
    if INTERRUPTED.is_set() or isinstance(error, KeyboardInterrupt | typer.Abort):
        return INTERRUPTED_CODE, "interrupted. Nothing is half-written; run the same command again to continue."
    if isinstance(error, PipelineError):
        return error.exit_code, str(error)
    if isinstance(error, typer.TyperException):
        words = error.format_message().replace("Value error, ", "").replace("Input should be", "must be").rstrip(".")
        end = "" if words.endswith("?") else "."
        return 2, f"{words}{end} See `medmultipoints --help`." if words else ""
    if isinstance(error, OSError) and error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
        return 2, f"{str(error.filename)[:80]}: {error.strerror}. Give another path."
    if isinstance(error, RuntimeError) and "home directory" in str(error):  # from Path.expanduser
        return 2, "a path begins with ~ and the name of a user that does not exist. Give another path."
    if is_out_of_memory(error):
        return MachineError.exit_code, OUT_OF_MEMORY
    if isinstance(error, OSError):
        where = f": {error.filename}" if error.filename else ""
        remedy = "Raise the limit on file sizes (`ulimit -f`)" if error.errno == errno.EFBIG else CHECK
        return MachineError.exit_code, f"{error.strerror or error}{where}. {remedy}, then run again."
    with NamedTemporaryFile("w", prefix="medmultipoints-", suffix=".log", delete=False) as log:
        traceback.print_exception(error, file=log)
    return MachineError.exit_code, f"internal error: {type(error).__name__}: {error}. Please report it with {log.name}."


def report_error(code: int, message: str, error: BaseException) -> None:
    """Print an error on standard error; with --json as one object on standard output."""
    from medmultipoints.flows.cli.console import print_json, say_error

    if "--json" not in sys.argv:
        say_error(message)
        return
    what, _, remedy = message.partition(". ")
    where, colon, _ = what.partition(": ")
    parts = {"message": what, "where": where if colon else None, "remedy": remedy or None}
    if isinstance(error, SourceDataError):
        parts = {"message": error.problem, "where": f"{error.source}: {error.file}", "remedy": error.remedy}
    print_json({"error": {"exit": code, **parts}})


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Stop in order at the first signal, at once at the second; no unfinished file is ever in place."""
    INTERRUPTED.set()
    for again in (signal.SIGINT, signal.SIGTERM):
        signal.signal(again, lambda *_: os._exit(INTERRUPTED_CODE))
    raise KeyboardInterrupt
