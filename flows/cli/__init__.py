"""The command line: ``medmultipoints``."""

import os
import signal
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line; an interrupt ends it with a message even while it is still being loaded."""
    signal.signal(signal.SIGINT, lambda *_: (sys.stderr.write("error: interrupted before anything was done.\n"), os._exit(130)))

    from flows.cli.app import main as run

    run()


__all__ = ["main"]
