"""Stage ``index``: every file of a source becomes part of a sample, or is accounted for otherwise."""

import inspect
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

import polars as pl

from medmultipoints.data_lake.archives.source_files import SourceFiles
from medmultipoints.data_lake.catalogue import load_reader
from medmultipoints.flows.engine.stage import Build, Inputs, Output, Stage
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.flows.recipe.sources import HANDLING, why_left_out
from medmultipoints.flows.stages.reading.source_coverage import nothing_usable, require_matches
from medmultipoints.transforms.columns.annotation_rows import annotation_rows
from medmultipoints.transforms.columns.record_columns import sample_columns
from medmultipoints.transforms.columns.tables import schema_of
from medmultipoints.transforms.errors import DataError, MemberProblem, SourceDataError
from medmultipoints.transforms.records import Exclusion, Indexed, Sample
from medmultipoints.transforms.sources.accounting import check_members
from medmultipoints.transforms.sources.builtin import BUILT_IN
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.declared import read_declared
from medmultipoints.transforms.sources.hidden_names import hide_names
from medmultipoints.transforms.sources.registry import find_format, read_pictures

BROKEN: Final = "source_broken"


def source_names(build: Build, _inputs: Inputs) -> tuple[str, ...]:
    """Return one shard per source."""
    return tuple(source.name for source in build.sources)


def index_source(build: Build, _inputs: Inputs, shard: str) -> Output:
    """Return the samples of one source; a broken one is left out entirely if the recipe says so."""
    try:
        return index_members(build, shard)
    except DataError as error:
        if build.recipe.validation.broken_sources == "stop":
            raise
        key = f"{shard}/all files"
        place = next(source.fingerprint.path for source in build.sources if source.name == shard)
        why = why_left_out(error, shard, build.recipe.sources[shard], place)
        gone = Exclusion(source=shard, key=key, verdict="dropped", reason=BROKEN, detail=why)
        return Output(inputs=[key], used={}, tables=as_tables(()), exclusions=[gone])


def broken_sources(exclusions: pl.DataFrame) -> dict[str, str]:
    """Return why sources are left out entirely, by name."""
    return dict(exclusions.filter(reason=BROKEN).select("source", "detail").iter_rows())


def index_members(build: Build, shard: str) -> Output:
    """Return the samples of one source, with every member accounted for."""
    given, members, hide = build.given_files(shard), build.files(shard), build.hidden(shard)
    try:
        indexed = read_source(build, shard, given)
        indexed = hide_names(indexed, hide) if hide else indexed
        check_members(members, indexed)
        declared = next(source.info for source in build.sources if source.name == shard)
        require_samples(shard, indexed, declared.declaration, given.names())
    except SourceDataError as error:
        raise error.within(str(members.path)) from error
    except MemberProblem as problem:
        raise SourceDataError(shard, problem.reason, problem.detail, "Get the archive again.") from problem
    names = set(members.names()) | {exclusion.key for exclusion in indexed.exclusions}
    owners = member_owners(indexed.samples)
    return Output(
        inputs=[f"{shard}/{name}" for name in sorted(names)],
        used={f"{shard}/{name}": owners.get(name) for name in sorted(indexed.used)},
        tables=as_tables(indexed.samples),
        exclusions=[named(exclusion) for exclusion in indexed.exclusions],
    )


def as_tables(samples: Sequence[Sample]) -> dict[str, pl.DataFrame]:
    """Return the tables of samples."""
    return {
        "samples": pl.DataFrame(sample_columns(samples), schema=schema_of("samples")),
        "annotations": pl.DataFrame(annotation_rows(samples), schema=schema_of("annotations")),
    }


def read_source(build: Build, name: str, members: SourceFiles) -> Indexed:
    """Return the result of a source's reader, or of its declared format, for its members."""
    info = next(source.info for source in build.sources if source.name == name)
    if info.broken:
        raise DataError(info.broken)
    if info.is_declared and (whole := find_format(info.declaration.format).index):
        return whole(info.described, members)
    if info.is_declared:
        return read_declared(name, info.declaration, info.facts, members, read_pictures)
    reader = load_reader(info.reader)
    options = {key: value for key, value in build.recipe.sources[name].items() if key not in HANDLING}
    given = {"seed": build.recipe.seed, "described": info.described}
    options |= {key: value for key, value in given.items() if key in inspect.signature(reader).parameters}
    indexed: Indexed = reader(members, **options)
    return indexed


def member_owners(samples: Iterable[Sample]) -> dict[str, str]:
    """Return the sample of each member that serves only one; a video, a volume or a shared mask serves several."""
    owners: dict[str, str] = {}
    shared: set[str] = set()
    for sample in samples:
        for member in own_members(sample):
            if owners.setdefault(member, sample.sample_id) != sample.sample_id:
                shared.add(member)
    return {member: sample_id for member, sample_id in owners.items() if member not in shared}


def own_members(sample: Sample) -> list[str]:
    """Return the members of a sample except its video."""
    candidates = (sample.image_member, sample.mask_member, sample.label_member, sample.track_member)
    return [*(member for member in candidates if member is not None), *(layer.member for layer in sample.layers)]


def named(exclusion: Exclusion) -> Exclusion:
    """Return the exclusion with a key that is unique over all sources."""
    return replace(exclusion, key=f"{exclusion.source}/{exclusion.key}")


def require_samples(source: str, indexed: Indexed, declaration: Declaration, names: Sequence[str]) -> None:
    """Raise SourceDataError, which says what is missing, if a selected source yields nothing."""
    if not indexed.samples:
        if source not in BUILT_IN:
            require_matches(source, declaration, names)
        raise nothing_usable(source, ((row.verdict, row.reason, row.key, row.detail) for row in indexed.exclusions))


def index_parameters(recipe: Recipe) -> object:
    """Return the part of the recipe that this stage depends on."""
    options = {name: table for name, table in recipe.sources.items() if "read" not in table}
    return {"sources": options, "seed": recipe.seed, "broken": recipe.validation.broken_sources}


STAGE = Stage(
    name="index",
    work=index_source,
    shards=source_names,
    reads_sources=True,
    writes=("samples", "annotations"),
    parameters=index_parameters,
)
