"""Prepare a build from a request: check the recipe, find or fetch sources, identify all inputs."""

import os
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from medmultipoints.data_lake.archives.fingerprint import fingerprint
from medmultipoints.data_lake.archives.source_files import SourceFiles, open_source
from medmultipoints.data_lake.catalogue import SourceInfo, load_catalogue
from medmultipoints.data_lake.fetch.addresses import fetch_address
from medmultipoints.data_lake.fetch.download import fetch_source
from medmultipoints.data_lake.release.card.licences import choose_licence
from medmultipoints.data_lake.release.read.previous import read_previous, read_previous_tables
from medmultipoints.data_lake.store.layout import Lake, open_lake
from medmultipoints.data_lake.store.objects import StoredObject
from medmultipoints.data_lake.store.parquet_tables import put_table
from medmultipoints.flows.engine.planning.declarations import complete_sources
from medmultipoints.flows.engine.planning.intention import check_room, intention
from medmultipoints.flows.engine.planning.place import fetch_releases
from medmultipoints.flows.engine.request import CLUSTERS, BuildRequest
from medmultipoints.flows.engine.running.recording import recorded_attempt
from medmultipoints.flows.engine.stage import Build, EarlierRelease, Source, Stage
from medmultipoints.flows.recipe.effects import refuse_unused
from medmultipoints.flows.recipe.load import check_limits, load_recipe, select_sources
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.flows.recipe.pinned import store_files, take_files
from medmultipoints.flows.recipe.privacy import blind_kinds, check_readers
from medmultipoints.flows.recipe.sources import source_infos, take_paths
from medmultipoints.transforms.diff.releases import KEYS
from medmultipoints.transforms.errors import MachineError, SourceDataError, UsageError
from medmultipoints.transforms.problems import NAME

Say = Callable[[str], None]
Progress = Callable[[str, int, int | None], None]
ADDRESS = re.compile(r"(?:\w+://)?(?P<host>[^/:]+|\[[^]]+\]):(?P<port>\d{1,5})/?")
SECONDS = 5.0


def ignore(*_anything: object) -> None:
    """Ignore a message, or the progress of a download."""


def prepare_attempt(
    request: BuildRequest, stages: Sequence[Stage], progress: Progress = ignore, say: Say = ignore
) -> Build:
    """Return the build of a request; if this fails, a run record says why."""
    with recorded_attempt(request):
        return prepare(request, stages, progress, say)


def prepare(request: BuildRequest, stages: Sequence[Stage], progress: Progress = ignore, say: Say = ignore) -> Build:
    """Return the build of a request; UsageError, MachineError or DataError if it cannot be built.

    ``say`` receives the description of the build once recipe and paths are checked, before any file is hashed or
    downloaded.
    """
    reach_cluster(request)
    recipe = dated(load_recipe(request.recipe, tuple(request.sources)))
    if request.version not in (None, "auto"):  # auto is resolved once the release exists
        recipe = recipe.model_copy(update={"version": request.version})
    check_limits(recipe, [stage.name for stage in stages], request.recipe)
    check_readers(recipe.text, request.recipe)
    recipe = select_sources(recipe, request.only)
    tables, paths = take_paths(recipe.sources)
    pinned, places = take_files(recipe)
    recipe = recipe.model_copy(update={"sources": tables, **pinned})
    paths |= request.sources
    check_given(recipe, paths)
    lake = open_lake(request.lake)
    stored = store_files(lake, recipe, places)
    recipe, previous, earlier = with_previous(recipe, lake)
    infos = source_infos(recipe.sources, load_catalogue())
    leave_out = recipe.validation.broken_sources == "leave-out"
    if not leave_out:
        choose_licence(list(infos.values()))
    check_room(lake.root)
    for line in intention(recipe, infos, paths, lake, request.version):
        say(line)
    given_first = sorted(recipe.sources, key=lambda name: name not in paths)
    found = {name: locate(infos[name], paths.get(name), lake, progress, leave_out) for name in given_first}
    recipe, sources = completed(recipe, [found[name] for name in recipe.sources], lake)
    if not request.only:
        refuse_unused(recipe, (source.info for source in sources), request.recipe)
    if readable := [source.info for source in sources if not source.info.broken]:
        choose_licence(readable)
    if blind := blind_kinds(recipe.text, recipe.privacy):
        say(f"privacy: no reader finds {', '.join(blind)} in pixels; metadata alone are searched (text.readers)")
    for source in sources:
        if source.info.guesses:
            say(f"{source.name}: nobody answered, and the likely answers are taken: {', '.join(source.info.guesses)}")
    return Build(lake, recipe, sources, request.located(), previous, earlier, stored)


def completed(recipe: Recipe, found: Sequence[Source], lake: Lake) -> tuple[Recipe, tuple[Source, ...]]:
    """Return the recipe and its sources with complete declarations; OpenQuestions if any is incomplete."""
    declared = {source.name: source for source in found if source.info.is_declared}

    def opened(name: str) -> SourceFiles:
        return open_source(name, declared[name].fingerprint.path, lake.scratch)

    leave_out = recipe.validation.broken_sources == "leave-out"
    places = {name: source.fingerprint.path for name, source in declared.items()}
    asked = {name: recipe.sources[name] for name in declared}
    tables = complete_sources(asked, opened, places=places, leave_out=leave_out)
    recipe = recipe.model_copy(update={"sources": {**recipe.sources, **tables}})
    infos = source_infos(recipe.sources, load_catalogue())
    return recipe, tuple(replace(source, info=infos[source.name]) for source in found)


def reach_cluster(request: BuildRequest) -> None:
    """Raise MachineError if the cluster does not answer; an address without a port is not checked."""
    found = ADDRESS.fullmatch(request.address or "")
    if found is None:
        return
    try:
        socket.create_connection((found["host"].strip("[]"), int(found["port"])), timeout=SECONDS).close()
    except (OSError, OverflowError) as error:
        raise MachineError(
            f"no {CLUSTERS[request.runner]} answers at {request.address} (--runner-address): "
            f"{getattr(error, 'strerror', None) or error}. Start it, or omit the address for a cluster of this run."
        ) from error


def with_previous(recipe: Recipe, lake: Lake) -> tuple[Recipe, StoredObject | None, EarlierRelease | None]:
    """Return the recipe with the full root of the release that its splits follow, and that release's images and rows.

    Of a lake in an object store, the releases of that name are downloaded first.
    """
    reference = recipe.splits.previous
    if reference is None:
        return recipe, None, None
    name, at, _ = reference.rpartition("@")
    if at and re.fullmatch(NAME, name):
        fetch_releases(lake, name)
    root, images = read_previous(reference, lake.releases)
    title, tables = read_previous_tables(reference, lake.releases)
    earlier = EarlierRelease(title, *(put_table(lake, getattr(tables, table)) for table in KEYS))
    splits = recipe.splits.model_copy(update={"previous": root})
    return recipe.model_copy(update={"splits": splits}), put_table(lake, images), earlier


def dated(recipe: Recipe) -> Recipe:
    """Return the recipe with a release date: its own, else the day of SOURCE_DATE_EPOCH, else none."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if recipe.release_date is not None or not epoch:
        return recipe
    try:
        day = datetime.fromtimestamp(int(epoch), UTC).date()
    except (ValueError, OverflowError, OSError):
        raise UsageError(f"SOURCE_DATE_EPOCH={epoch}: give whole seconds since 1970, or unset it.") from None
    return recipe.model_copy(update={"release_date": day.isoformat()})


def check_given(recipe: Recipe, given: Mapping[str, str]) -> None:
    """Raise UsageError for a path that does not exist, or that belongs to no source of the recipe."""
    for name, path in given.items():
        if name not in recipe.sources:
            raise UsageError(f"source {name}: the build uses {', '.join(recipe.sources)} and no source '{name}'.")
        if not Path(path).exists():
            raise UsageError(
                f"source {name}={path}: there is no such file or folder. Give the path of an archive or a folder."
            )


def locate(info: SourceInfo, given: str | None, lake: Lake, progress: Progress, leave_out: bool = False) -> Source:
    """Return the source's files: the given ones, else those in the landing folder, else downloaded ones.

    They are opened once, so that a damaged or wrong archive is reported before the next download; with ``leave_out``
    the index stage does that.
    """
    if given is None and not info.downloads and not info.url:
        raise UsageError(
            f'source {info.name} has neither a path nor archives. Add path = "FOLDER" to [sources.{info.name}], or '
            f"give --source {info.name}=PATH."
        )
    watch = partial(progress, info.title)
    landing = lake.landing / info.name
    if given is not None:
        path = Path(given).absolute()
    elif info.url:
        path = fetch_address(info.name, info.url, info.sha256, landing)
    else:
        path = fetch_source(info, landing, watch)
    source = Source(info, fingerprint(path))
    try:
        open_source(info.name, source.fingerprint.path, lake.scratch)
    except SourceDataError:
        if not leave_out:
            raise
    return source
