"""Read the tables ``[sources.NAME]`` of a recipe: options of an installed reader, or a declared source.

A declared source has ``path = "…"``, keys of a source file (title, licence, organ, ``[sources.NAME.read]``), or
``declaration = "file.toml"`` with the same keys; a key in the recipe overrides the file's.
"""

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

from pydantic import ValidationError

from medmultipoints.data_lake.catalogue import SourceInfo
from medmultipoints.data_lake.fetch.addresses import is_address
from medmultipoints.data_lake.toml_files import read_toml
from medmultipoints.transforms.compose.policy import Policy
from medmultipoints.transforms.errors import DataError, UsageError
from medmultipoints.transforms.problems import meant, problems
from medmultipoints.transforms.sources.declaration.model import merge_read
from medmultipoints.transforms.sources.hidden_names import hides_names

if TYPE_CHECKING:
    from medmultipoints.flows.recipe.model import Recipe

HANDLING = ("path", "accept", "policy")
"""Keys that say what to do with a source, not what it is."""
_HEAD = frozenset(SourceInfo.model_fields) - {"name", "reader", "labels"}
_DECLARED = _HEAD | {"declaration", *HANDLING}

Table = Mapping[str, object]


def is_declared(name: str, table: Table, catalogue: Mapping[str, SourceInfo], given: Collection[str]) -> bool:
    """Return whether a table declares its source, rather than choosing options of one in the catalogue."""
    if name in catalogue:
        return catalogue[name].is_declared or bool({"read", "declaration"} & set(table))
    return bool(set(table) & _DECLARED) or name in given


def complete_table(name: str, table: Table, catalogue: Mapping[str, SourceInfo], folder: Path) -> dict[str, Any]:
    """Return a declared source's table in normal form: the recipe's keys over the file's, with an absolute path.

    UsageError for a file that cannot be read and for every invalid key.
    """
    base: dict[str, Any] = {}
    if name in catalogue:
        own = {"name", "reader", "labels"} if catalogue[name].is_declared else {"name", "reader", "labels", "read"}
        base = catalogue[name].model_dump(exclude_defaults=True, exclude=own, by_alias=True)
    if "declaration" in table:
        file = folder / str(table["declaration"])
        base = merge_read(base, read_toml(file, "declaration", absent="Give the path from the recipe's folder."))
        if "path" in base and not is_address(str(base["path"])):
            base["path"] = str(file.parent / str(base["path"]))
    merged = merge_read(base, {key: value for key, value in table.items() if key != "declaration"})
    where = f"sources.{name}"
    if is_address(str(merged.get("path", ""))):
        merged["url"] = merged.pop("path")
    unknown = sorted(set(merged) - _DECLARED - {"name"})
    if unknown:
        raise UsageError(f"{where}: unknown key {unknown[0]}; {meant(unknown[0], sorted(_DECLARED))}.")
    check_info(name, merged, where)
    check_policy(name, merged)
    if "path" in merged:
        merged["path"] = str(_find(folder, str(merged["path"]), where))
    merged.pop("name", None)
    if name in catalogue:
        merged.setdefault("read", {})
    return merged


def kept_path(table: Table, folder: Path, name: str) -> dict[str, str]:
    """Return the absolute path of a table as a separate entry; empty if it has none."""
    return {"path": str(_find(folder, str(table["path"]), f"sources.{name}"))} if "path" in table else {}


def check_info(name: str, table: Table, where: str) -> SourceInfo:
    """Return the source that a declared table describes; UsageError lists every problem with its key."""
    head = {key: value for key, value in table.items() if key in _HEAD}
    try:
        return SourceInfo.model_validate({"title": name, "read": {}} | head | {"name": name})
    except ValidationError as error:
        _check_format(head.get("read"), where)
        raise UsageError(f"{where}: {problems(error, SourceInfo)}.") from error


def _check_format(read: object, where: str) -> None:
    """Raise UsageError for an unknown format, which makes other keys look wrong."""
    from medmultipoints.transforms.sources.registry import find_format  # slow to import: all formats

    if isinstance(read, Mapping) and isinstance(read.get("format"), str):
        try:
            find_format(read["format"])
        except UsageError as error:
            raise UsageError(f"{where}.{error}") from error


def own_policies(recipe: "Recipe") -> dict[str, Policy]:
    """Return the box policies of sources that have their own."""
    return {name: cast(Policy, table["policy"]) for name, table in recipe.sources.items() if "policy" in table}


def check_policy(name: str, table: Table) -> dict[str, object]:
    """Return the policy of a table as a separate entry, empty if it has none; UsageError for an unknown one."""
    if "policy" in table and table["policy"] not in get_args(Policy):
        raise UsageError(
            f"sources.{name}.policy: must be one of {', '.join(get_args(Policy))}, not {table['policy']!r}."
        )
    return {"policy": table["policy"]} if "policy" in table else {}


def source_infos(sources: Mapping[str, Table], catalogue: Mapping[str, SourceInfo]) -> dict[str, SourceInfo]:
    """Return the information about each source of a loaded recipe."""
    return {
        name: catalogue[name] if name in catalogue and "read" not in table else check_info(name, table, name)
        for name, table in sources.items()
    }


def take_paths(sources: Mapping[str, Table]) -> tuple[dict[str, dict[str, object]], dict[str, str]]:
    """Return the tables without their paths, which are not part of a release, and the paths."""
    paths = {name: str(table["path"]) for name, table in sources.items() if "path" in table}
    return {name: {key: table[key] for key in table if key != "path"} for name, table in sources.items()}, paths


def why_left_out(error: DataError | UsageError, name: str, table: Table, place: Path | None) -> str:
    """Return the reason to leave a source out, as a release may contain it.

    The source's name replaces its local path. Where names of persons are hashed, no reason names files: what was not
    read has paths of which nothing tells where the names are.
    """
    if hides_names(cast("Table | None", table.get("read"))):
        return 'it cannot be read. validation.broken_sources = "stop" shows why, with the paths that groups.hash hides.'
    return str(error).replace(str(place), name) if place else str(error)


def _find(folder: Path, text: str, where: str) -> Path:
    """Return the absolute path: relative to the recipe's folder, else to the current one."""
    try:
        path = Path(text).expanduser()
        for candidate in (folder / path, path):
            if candidate.exists():
                plain = Path(os.path.normpath(candidate.absolute()))  # without "..", unless a link leads elsewhere
                return plain if plain.exists() and plain.samefile(candidate) else candidate.absolute()
    except (RuntimeError, ValueError, OSError) as error:  # ~nosuchuser, a null character, a name that is too long
        problem = getattr(error, "strerror", None) or error
        raise UsageError(f"{where}.path: {text[:80]!r}: {problem}. Correct it.") from error
    raise UsageError(f"{where}.path: {text} is neither in {folder.absolute()} nor in the current folder. Correct it.")
