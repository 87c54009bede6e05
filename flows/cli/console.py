"""Print for the command line: results to standard output, everything else to standard error."""

import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from medmultipoints.transforms.errors import MachineError, UsageError
from medmultipoints.transforms.reporting.hidden import BREAKS, HIDDEN, IN_JSON

if TYPE_CHECKING:
    from medmultipoints.flows.engine.running.run import StageResult

# Output to a file or pipe must not wrap names and paths.
PIPE_WIDTH = 240
# Brackets that rich would take for a style, although they are part of a name or a path.
FOREIGN_TAG: Final = re.compile(r"(?<!\\)\[(?=[a-z#/@][^\[]*\])(?!(?:bold|dim|bold red|bold yellow|/)\])")


class PlainConsole(Console):
    """A console that escapes hidden characters and brackets in names and records; its own styles stay."""

    def render_str(self, text: str, **options: Any) -> Text:
        shown = text.translate(HIDDEN)
        return super().render_str(
            shown if options.get("markup") is False else FOREIGN_TAG.sub(r"\\[", shown), **options
        )


ERR = PlainConsole(
    stderr=True, emoji=False, highlight=False, soft_wrap=True, width=None if sys.stderr.isatty() else PIPE_WIDTH
)
OUT = PlainConsole(emoji=False, highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else PIPE_WIDTH)


class Heartbeat:
    """Reports on standard error, outside a terminal, that a long command is still running, and its current work."""

    def __init__(self) -> None:
        self.doing = ""
        self.idle = False  # a server that waits for users is not at work
        self.last = time.monotonic()

    def start(self, every: float = 30) -> Callable[[], None]:
        """Start, and return a function that stops it; in a terminal, where bars show progress, do nothing."""
        ended = threading.Event()
        if not ERR.is_terminal:
            threading.Thread(target=self._beat, args=(every, ended), daemon=True).start()
        return ended.set

    def _beat(self, every: float, ended: threading.Event) -> None:
        begun = self.last = time.monotonic()
        while not ended.wait(self.last + every - time.monotonic()):
            if time.monotonic() >= self.last + every:
                self.last = time.monotonic()
                if self.idle:
                    continue
                doing = f": {self.doing}" if self.doing else ""
                ERR.print(f"still running after {self.last - begun:.0f} s{escape(doing)}")


HEARTBEAT = Heartbeat()


def say(text: str) -> None:
    """Print a message on standard error."""
    HEARTBEAT.last, HEARTBEAT.doing = time.monotonic(), text
    ERR.print(escape(text))


def say_error(text: str) -> None:
    """Print a problem and its remedy on standard error."""
    ERR.print("[bold red]error:[/] " + escape(text))


def confirm(question: str, remedy: str) -> None:
    """Ask for confirmation; UsageError with the remedy outside a terminal, Abort if the answer is no."""
    if not sys.stdin.isatty():
        raise UsageError(f"no terminal to ask for confirmation: {remedy}, then add --yes.")
    typer.confirm(question, abort=True, err=True)


def print_json(value: object) -> None:
    """Print one JSON object on standard output, for machines."""
    import orjson

    text = orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE, default=str).decode()
    sys.stdout.buffer.write(text.translate(IN_JSON).encode())
    sys.stdout.flush()


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, err: bool = False) -> None:
    """Print a table: aligned in a terminal, numbers to the right; elsewhere one row a line, separated by tabs."""
    console, cells = ERR if err else OUT, [[cell.translate(BREAKS) for cell in row] for row in rows]
    if not console.is_terminal:
        lines = [title.translate(HIDDEN)] if title else []
        print(*lines, *("\t".join(row) for row in (columns, *cells)), sep="\n", file=console.file, flush=True)
        return
    drawn = Table(
        title=escape(title), title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim"
    )
    for place, name in enumerate(columns):
        numeric = all(row[place].replace(",", "").replace(".", "").isdigit() for row in cells if row[place])
        drawn.add_column(escape(name), justify="right" if numeric and cells else "left", overflow="fold")
    for row in cells:
        drawn.add_row(*map(escape, row))
    console.print(drawn)


class StageProgress:
    """Bars with rate and remaining time, one per stage; outside a terminal, the heartbeat names the stage."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.bars: dict[str, TaskID] = {}
        self.inputs: dict[str, int] = {}

    def stage_started(self, stage: str, shards: int) -> None:
        """Add a bar."""
        self.bars[stage] = self.progress.add_task(stage, total=shards, rate="")
        self.inputs[stage] = 0
        HEARTBEAT.doing = f"stage {stage}"

    def shard_finished(self, stage: str, shard: str, inputs: int) -> None:
        """Advance the bar."""
        self.inputs[stage] += inputs
        task = self.progress.tasks[self.bars[stage]]
        seconds = task.elapsed or 1e-9
        parts = f", part {task.completed + 1:g} of {task.total:g}" if task.total and task.total > 1 else ""
        HEARTBEAT.doing = f"stage {stage}{parts}, {self.inputs[stage]:,} inputs done"
        self.progress.update(self.bars[stage], advance=1, rate=f"{self.inputs[stage] / max(seconds, 1e-9):,.0f}/s")

    def stage_finished(self, result: "StageResult") -> None:
        """Complete the bar of a finished stage."""
        if result.name in self.bars:
            self.progress.update(self.bars[result.name], completed=self.progress.tasks[self.bars[result.name]].total)

    def say(self, text: str) -> None:
        """Print a message about the run."""
        say(text)


@contextmanager
def stage_progress() -> Iterator[StageProgress]:
    """Provide an observer that draws bars inside the block."""
    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:>10}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=ERR, disable=not ERR.is_terminal) as progress:
        yield StageProgress(progress)


@contextmanager
def transfer_progress() -> Iterator[Callable[[str, int, int | None], None]]:
    """Provide a callback for downloads that draws one bar per file: its name, the bytes done and the total bytes."""
    bars: dict[str, TaskID] = {}
    with Progress(console=ERR, disable=not ERR.is_terminal) as progress:

        def show(name: str, done: int, total: int | None) -> None:
            if name not in bars:
                bars[name] = progress.add_task(name, total=total)
            HEARTBEAT.doing = f"{name}, {done:,} of {total:,} bytes" if total else f"{name}, {done:,} bytes"
            progress.update(bars[name], completed=done, total=total)

        yield show


@contextmanager
def counting(what: str) -> Iterator[Callable[[int, int | None], None]]:
    """Provide a callback that draws one bar: the amount done and, if known, the total."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=ERR, disable=not ERR.is_terminal) as progress:
        bar = progress.add_task(what, total=None)

        def show(done: int, total: int | None) -> None:
            HEARTBEAT.doing = f"{done:,} of {total:,} {what}" if total else f"{done:,} {what}"
            progress.update(bar, completed=done, total=total)

        yield show


def write_aside(html: Path | None, page: Callable[[], str]) -> None:
    """Write the page requested by ``--html``, and print its path on standard error."""
    if html is not None:
        write_page(html, page())
        say(f"page  {html}")


def write_page(path: Path, page: str) -> None:
    """Write the page atomically; MachineError if it cannot be written."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(page, "utf-8")
        os.replace(part, path)
    except OSError as error:
        raise MachineError(f"{path} cannot be written: {error.strerror}. Choose another place.") from error
