"""A page that a command writes in addition to what it prints."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from medmultipoints.flows.cli.console import say
from medmultipoints.transforms.errors import MachineError

HtmlOption = Annotated[Path | None, typer.Option("--html", help="Also write one HTML page that needs nothing else.")]


def write_aside(html: Path | None, page: Callable[[], str]) -> None:
    """Write the page that ``--html`` asks for, and print its path on standard error."""
    if html is not None:
        write_page(html, page())
        say(f"page  {html}")


def write_page(path: Path, page: str) -> None:
    """Write the page whole or not at all; MachineError if it cannot be written."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(page, "utf-8")
        os.replace(part, path)
    except OSError as error:
        raise MachineError(f"{path} cannot be written: {error.strerror}. Choose another place.") from error
