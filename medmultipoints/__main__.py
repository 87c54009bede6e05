"""Run the command line: ``python -m medmultipoints``."""

from medmultipoints.flows.cli import main

if __name__ == "__main__":
    main()
