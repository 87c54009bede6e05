"""The command line: ``medmultipoints``."""

from flows.cli.app import main

__all__ = ["main"]
