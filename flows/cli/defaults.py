"""Read defaults of options: the table ``[defaults]`` of a ``medmultipoints.toml`` in the working folder or above."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.toml_text import parse_toml

FILE = "medmultipoints.toml"
KEYS = ("lake", "sources", "repo")
LAKE, OLD_LAKE = "MEDMULTIPOINTS_LAKE", "LAKE_ROOT"


def read_defaults(commands: Iterable[str]) -> dict[str, Any]:
    """Return the defaults of every command's options; options and environment variables override them.

    Paths are relative to the file that names them. UsageError names the file and the invalid key.
    """
    if OLD_LAKE in os.environ and LAKE not in os.environ:
        os.environ[LAKE] = os.environ[OLD_LAKE]
        sys.stderr.write(f"warning: {OLD_LAKE} is deprecated; set {LAKE} instead.\n")
    here = Path.cwd()
    found = next((folder / FILE for folder in (here, *here.parents) if (folder / FILE).is_file()), None)
    if found is None:
        return {}
    given = parse_toml(found.read_bytes(), str(found)).get("defaults", {})
    options = _options(given, found)
    return {command: options | dict.fromkeys(("gc", "list", "show", "serve"), options) for command in commands}


def _options(given: dict[str, Any], file: Path) -> dict[str, Any]:
    for key, value in given.items():
        if key not in KEYS:
            from medmultipoints.transforms.problems import meant  # imports pydantic, which `--help` does not need

            raise UsageError(f"{file}: defaults.{key}: unknown key; {meant(key, KEYS)}. Correct the file.")
        if not isinstance(value, dict if key == "sources" else str):
            kind = "a table of NAME = PATH" if key == "sources" else "a text in quotes"
            raise UsageError(f"{file}: defaults.{key}: must be {kind}. Correct the file.")
    options: dict[str, Any] = {key: value for key, value in given.items() if key == "repo"}
    if "lake" in given:
        options["lake"] = given["lake"] if "://" in given["lake"] else str(_from(file, given["lake"]))
    if "sources" in given:
        options["source"] = [f"{name}={_from(file, str(path))}" for name, path in given["sources"].items()]
    return options


def _from(file: Path, path: str) -> Path:
    return file.parent / Path(path).expanduser()
