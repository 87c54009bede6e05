"""From what a person types to a build: recipe checked, sources found or fetched, everything identified."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from medmultipoints.data_lake.archives.fingerprint import fingerprint
from medmultipoints.data_lake.archives.source_files import open_source
from medmultipoints.data_lake.catalogue import SourceInfo, load_catalogue
from medmultipoints.data_lake.fetch.download import fetch_source
from medmultipoints.data_lake.release.read.previous import read_previous, read_previous_tables
from medmultipoints.data_lake.store.layout import Lake, open_lake
from medmultipoints.data_lake.store.objects import StoredObject
from medmultipoints.data_lake.store.tables import put_table
from medmultipoints.flows.engine.place import fetch_releases
from medmultipoints.flows.engine.stage import Build, EarlierRelease, Source
from medmultipoints.flows.orchestration.cluster import reach_cluster
from medmultipoints.flows.recipe.model import Recipe, load_recipe, select_sources, shipped_recipes
from medmultipoints.flows.recipe.patterns import NAME
from medmultipoints.transforms.diff.releases import KEYS
from medmultipoints.transforms.errors import UsageError

Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True, slots=True)
class Request:
    """What to build and where, in plain values; ``flows.orchestration.parameters`` has their meaning."""

    recipe: str
    lake: str = "lake"
    sources: Mapping[str, str] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    workers: int | None = None
    version: str | None = None
    runner: str = "threads"
    address: str | None = None


def no_progress(_name: str, _done: int, _total: int | None) -> None:
    """For callers that do not watch downloads."""


def prepare(request: Request, progress: Progress = no_progress) -> Build:
    """The build that a request means; UsageError, MachineError or DataError where it cannot be."""
    reach_cluster(request.runner, request.address)
    recipe = dated(with_version(load_recipe(request.recipe), request.version))
    recipe = select_sources(recipe, request.only)
    check_given(recipe, request.sources)
    lake = open_lake(request.lake)
    fetch_previous(recipe, lake)
    catalogue = load_catalogue()
    asked = recipe
    recipe, previous = with_previous(asked, lake)
    earlier = earlier_release(asked, lake)
    given_first = sorted(recipe.sources, key=lambda name: name not in request.sources)
    found = {name: locate(catalogue[name], request.sources.get(name), lake, progress) for name in given_first}
    return Build(lake, recipe, tuple(found[name] for name in recipe.sources), previous, earlier, plain(request))


def plain(request: Request) -> dict[str, object]:
    """The request as the record of a run keeps it: paths do not depend on the folder that it was started in."""
    recipe = Path(request.recipe)
    shipped = request.recipe in shipped_recipes()
    paths = {name: str(Path(path).absolute()) for name, path in request.sources.items()}
    return asdict(request) | {"recipe": request.recipe if shipped else str(recipe.absolute()), "sources": paths}


def with_version(recipe: Recipe, version: str | None) -> Recipe:
    """The recipe with the version that was asked for; ``auto`` is settled once the release is known."""
    if version in (None, "auto"):
        return recipe
    try:
        return Recipe.model_validate(recipe.model_dump() | {"version": version})
    except ValueError:
        raise UsageError(f"--version {version}: give three numbers such as 1.2.0, or auto.") from None


def fetch_previous(recipe: Recipe, lake: Lake) -> None:
    """Bring the releases of the name that the splits follow to this machine, where the lake is in an object store."""
    name, at, _ = (recipe.splits.previous or "").rpartition("@")
    if at and re.fullmatch(NAME, name):
        fetch_releases(lake, name)


def with_previous(recipe: Recipe, lake: Lake) -> tuple[Recipe, StoredObject | None]:
    """The recipe with the full root of the release that its splits follow, and that release's images in the lake."""
    if recipe.splits.previous is None:
        return recipe, None
    name, images = read_previous(recipe.splits.previous, lake.releases)
    splits = recipe.splits.model_copy(update={"previous": name})
    return recipe.model_copy(update={"splits": splits}), put_table(lake, images)


def earlier_release(recipe: Recipe, lake: Lake) -> EarlierRelease | None:
    """All rows of the release that the recipe's splits follow, put into the lake: the card tells the difference."""
    if recipe.splits.previous is None:
        return None
    name, tables = read_previous_tables(recipe.splits.previous, lake.releases)
    return EarlierRelease(name, *(put_table(lake, getattr(tables, table)) for table in KEYS))


def dated(recipe: Recipe) -> Recipe:
    """The recipe with a release date: its own, else the day that SOURCE_DATE_EPOCH tells, else none."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if recipe.release_date is not None or not epoch:
        return recipe
    try:
        day = datetime.fromtimestamp(int(epoch), UTC).date()
    except (ValueError, OverflowError, OSError):
        raise UsageError(f"SOURCE_DATE_EPOCH={epoch}: give whole seconds since 1970, or unset it.") from None
    return recipe.model_copy(update={"release_date": day.isoformat()})


def check_given(recipe: Recipe, given: Mapping[str, str]) -> None:
    """Every path that is given exists, and is that of a source of the recipe."""
    for name, path in given.items():
        if name not in recipe.sources:
            raise UsageError(f"source {name}: the build uses {', '.join(recipe.sources)} and no source '{name}'.")
        if not Path(path).exists():
            raise UsageError(
                f"source {name}={path}: there is no such file or folder. Give the path of an archive or a folder."
            )


def locate(info: SourceInfo, given: str | None, lake: Lake, progress: Progress) -> Source:
    """The source's files: those that were given, else those that the landing folder holds or the network gives.

    They are opened once: a damaged or wrong archive is better told now than after the next download.
    """
    watch = partial(progress, info.title)
    path = Path(given).absolute() if given else fetch_source(info, lake.landing / info.name, watch)
    source = Source(info, fingerprint(path))
    open_source(info.name, source.fingerprint.path, lake.scratch)
    return source


def parse_sources(texts: Sequence[str]) -> dict[str, str]:
    """NAME=PATH pairs of the command line."""
    pairs = {}
    for text in texts:
        name, equals, path = text.partition("=")
        if not (name and equals and path):
            raise UsageError(f"--source {text}: write it as NAME=PATH, for example hyperkvasir=~/data/hyper-kvasir.")
        pairs[name] = str(Path(path).expanduser())
    return pairs


def parse_names(text: str) -> tuple[str, ...]:
    """The names of a list with commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())
