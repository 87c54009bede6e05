"""The command line: ``medmultipoints``."""

import os
import signal
import sys
from importlib import import_module
from types import FrameType
from typing import NoReturn

from medmultipoints.flows.engine.running.collecting import collect_less_often, without_collecting


def main() -> NoReturn:
    """Run the command line; an interrupt ends it with a message, even while it is loading."""
    signal.signal(signal.SIGINT, _leave)
    collect_less_often()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "true")  # otherwise it reads all installed packages at import
    with without_collecting():
        application = import_module("medmultipoints.flows.cli.app")
    application.main()
    raise AssertionError("the application ends the process itself")


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.stderr.write("error: interrupted before anything was done.\n")
    os._exit(130)


__all__ = ["main"]
