"""Run the command line: ``python -m medmultipoints``."""

from medmultipoints.flows.cli import main

main()
