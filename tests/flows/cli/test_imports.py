"""What a command imports before it has anything to do: the time until its first line."""

import subprocess
import sys
from pathlib import Path

from medmultipoints.flows.cli.app import COMMANDS

HEAVY = ["prefect", "polars", "great_expectations", "pydantic", "numpy", "pyarrow", "medmultipoints.data_lake"]
OF_WORK = ["prefect", "great_expectations", "pandas", "scipy", "sqlalchemy", "fastapi", "httpx", "datasets", "jinja2"]
OF_WORK += ["pyarrow.dataset", "requests", "asyncio", "multiprocessing", "unittest"]


def test_help_needs_nothing_of_what_the_commands_import() -> None:
    """It lists every command with its help, and is there at once."""
    asked = "import sys; from medmultipoints.flows.cli import app; app.app(['--help'], standalone_mode=False)"
    code = f"{asked}; print([name for name in sys.modules if name in {HEAVY!r}])"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert all(f" {name} " in done.stdout for name in COMMANDS)


def test_an_unchanged_build_imports_nothing_that_only_work_needs(
    lake: Path, recipe: str, sources: dict[str, str]
) -> None:
    """Importing these packages takes longer than such a build takes."""
    show = f"print([name for name in sys.modules if name in {OF_WORK!r}], flush=True)"
    code = f"import os, sys; end = os._exit; os._exit = lambda code: ({show}, end(code)); "
    code += "from medmultipoints.flows.cli import main; main()"
    given = [f"--source={name}={path}" for name, path in sources.items()]
    arguments = ["build", recipe, "--lake", str(lake), *given]
    done = subprocess.run([sys.executable, "-P", "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("nothing changed: small 1.0.0")
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_embedded_server_imports_neither_the_lake_nor_recipes() -> None:
    """It starts beside the first stages of every build, and takes their processor time."""
    unneeded = ["polars", "pyarrow", "numpy", "medmultipoints.flows.recipe.model", "medmultipoints.data_lake"]
    code = "import sys, medmultipoints.flows.orchestration.server.embedded_server; "
    code += f"print([name for name in sys.modules if name in {unneeded!r}])"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]"]
