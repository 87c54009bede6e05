"""Stage ``manifest``: write card, Croissant and manifest, the only files with the version."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from medmultipoints.data_lake.archives.fingerprint import known
from medmultipoints.data_lake.catalogue import load_catalogue, read_digest
from medmultipoints.data_lake.release.card.card import TEMPLATE, render_card
from medmultipoints.data_lake.release.card.card_facts import CardFacts, Curated
from medmultipoints.data_lake.release.card.croissant import CROISSANT, croissant_bytes
from medmultipoints.data_lake.release.read.digest import logical_digest
from medmultipoints.data_lake.release.write.changes import CHANGES, SHOWN, changes_bytes
from medmultipoints.data_lake.release.write.files import MADE, FileEntry
from medmultipoints.data_lake.release.write.manifest import (
    Manifest,
    ManifestSource,
    Reason,
    SourceFile,
    StageCount,
    list_files,
    manifest_bytes,
    manifest_root,
)
from medmultipoints.data_lake.release.write.origins import INPUTS, RECIPE, inputs_bytes, recipe_bytes
from medmultipoints.data_lake.store.keys import CODE_ROOT, code_digest, digest, package_versions
from medmultipoints.data_lake.store.objects import object_path, put_bytes
from medmultipoints.data_lake.store.parquet_tables import read_table
from medmultipoints.data_lake.witnesses.predictions_file import read_models
from medmultipoints.flows.engine.stage import EVERY_EARLIER, Build, Inputs, Output, Source, Stage
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.flows.stages.composing import witness
from medmultipoints.flows.stages.composing.as_released import label_names
from medmultipoints.flows.stages.reading.index import broken_sources
from medmultipoints.flows.stages.releasing import release
from medmultipoints.transforms.compose.stats import note_left_out_labels
from medmultipoints.transforms.descriptions.description_rows import describe_texts
from medmultipoints.transforms.diff.releases import KEYS, ReleaseDiff, Tables, describe, diff_releases
from medmultipoints.transforms.duplicates.across_sources import note_copies
from medmultipoints.transforms.records import SIDES
from medmultipoints.transforms.review.disputes import review_statements
from medmultipoints.transforms.witnesses.summary import describe_witnesses


def write_manifest(build: Build, inputs: Inputs, _shard: str) -> Output:
    """Write card and manifest of the release; every number in them is computed here."""
    files = release.read_listing(build.lake, inputs.objects["listing"])
    sources = tuple(source_entry(build, source, inputs) for source in build.sources)
    tables = released_tables(inputs)
    earlier = difference(build, tables)
    facts = card_facts(build, inputs, files, sources, tables, earlier)
    stated = {RECIPE: recipe_bytes(facts.recipe), INPUTS: inputs_bytes(sources, facts.accounting)}
    stated |= {CHANGES: changes_bytes(*earlier)} if earlier else {}
    statements = {name: put_bytes(build.lake, content) for name, content in stated.items()}
    files += [FileEntry(name, entry.bytes, entry.sha256) for name, entry in statements.items()]
    facts = replace(facts, files=files)
    card = render_card(facts, TEMPLATE.read_text("utf-8")).encode()
    readme = put_bytes(build.lake, card)
    files = [*files, FileEntry("README.md", readme.bytes, readme.sha256)]
    croissant = put_bytes(build.lake, croissant_bytes(facts, files))
    files = [*files, FileEntry(CROISSANT, croissant.bytes, croissant.sha256)]
    keys = [entry.path for entry in files]
    stored = put_bytes(build.lake, manifest_bytes(_manifest(facts, files, sources)))
    return Output(
        inputs=keys,
        used={key: key for key in keys},
        blobs={
            "readme": (readme,),
            "croissant": (croissant,),
            "statements": tuple(statements.values()),
            "manifest": (stored,),
        },
    )


def released_tables(inputs: Inputs) -> Tables:
    """Return the rows of the release."""
    return Tables(*map(inputs.read, ("records", "objects", "released_images", "instructions", "dialect_lines")))


def _manifest(facts: CardFacts, files: Sequence[FileEntry], sources: tuple[ManifestSource, ...]) -> Manifest:
    return Manifest(
        name=facts.name,
        version=facts.version,
        release_date=facts.release_date,
        manifest_root=manifest_root(files),
        logical_digest=facts.logical_digest,
        files=list_files(files),
        recipe=dict(facts.recipe),
        sources=sources,
        code_digest=facts.code_digest,
        packages=package_versions(pipeline_modules()),
        accounting=tuple(facts.accounting),
    )


def card_facts(
    build: Build,
    inputs: Inputs,
    files: Sequence[FileEntry],
    sources: Sequence[ManifestSource],
    tables: Tables,
    earlier: tuple[str, ReleaseDiff] | None,
) -> CardFacts:
    """Return all facts of card and manifest."""
    recipe, broken = build.recipe, broken_sources(inputs.read("index.exclusions"))
    return CardFacts(
        name=recipe.name,
        version=recipe.version,
        title=recipe.title,
        description=recipe.description,
        release_date=recipe.release_date,
        policy=recipe.boxes.policy,
        recipe=recipe.model_dump(mode="json"),
        sources=[source.info.model_copy(update={"broken": broken.get(source.name, "")}) for source in build.sources],
        known={source.name: source.known for source in sources},
        accounting=[stage_count(inputs, name) for name in inputs.counts if name != release.STAGE.name],
        tables=tables,
        classes=label_names(recipe, inputs),
        disagreements=inputs.read("disagreements"),
        conventions=inputs.read("conventions"),
        corrections=inputs.read("corrections"),
        review=reviewed(recipe, inputs),
        duplicates=inputs.read("duplicates"),
        losses=[*copies_of(inputs), *left_out_labels(recipe, inputs)],
        files=files,
        earlier=(earlier[0], describe(earlier[1])) if earlier else None,
        curated=Curated(**recipe.card.model_dump(exclude={"examples"})),
        made={name: inputs.read(name) for name in MADE},
        witness=witness_facts(build, inputs),
        described=describe_texts(inputs.read("descriptions"), inputs.read("refused_sentences")),
        logical_digest=logical_digest(tables),
        recipe_digest=digest(recipe.model_dump(mode="json", exclude={"version"})),
        code_digest=code_of(build),
    )


def copies_of(inputs: Inputs) -> list[str]:
    """Return the losses of sources whose pictures are copies of another's."""
    duplicates = inputs.read("duplicates")
    touched = pl.concat([duplicates["sample_id"], duplicates["kept_id"]]).unique()
    regions = inputs.scan("regions").select("sample_id", "evidence", "label", *SIDES)
    own = regions.filter(pl.col("sample_id").is_in(touched.implode())).collect(engine="streaming")
    return note_copies(duplicates, inputs.read("images", "sample_id", "source"), own)


def left_out_labels(recipe: Recipe, inputs: Inputs) -> list[str]:
    """Return the objects of labels that the recipe's ``[labels] names`` leaves out."""
    if recipe.labels.others == "keep":
        return []
    return note_left_out_labels(inputs.scan("regions"), recipe.labels.names)


def witness_facts(build: Build, inputs: Inputs) -> dict[str, Any] | None:
    """Return the card's facts about the models whose predictions the recipe pins."""
    if witness.SECTION not in build.pinned:
        return None
    models = read_models(object_path(build.lake, build.pinned[witness.SECTION].sha256))
    tables = ("predictions", "doubts", "proposals", "refused_proposals")
    return describe_witnesses(models, *map(inputs.read, tables))


def code_of(build: Build) -> str:
    """Return the digest of all code that makes a build's release."""
    readers = {source.name: read_digest(source.info) for source in build.sources}
    return digest([code_digest(pipeline_modules()), readers])


def reviewed(recipe: Recipe, inputs: Inputs) -> list[str]:
    """Return what the reviews in the recipe's corrections prove."""
    stated = recipe.corrections
    touched = [entry.image for entry in stated.opinions]
    regions = inputs.scan("regions").filter(pl.col("sample_id").is_in(touched)).collect()
    samples = [one.model_dump() for one in stated.samples]
    return review_statements(inputs.read("disagreements"), *stated.dumped(), samples, regions, recipe.boxes.policy)


def difference(build: Build, tables: Tables) -> tuple[str, ReleaseDiff] | None:
    """Return name and version of the previous release, if the recipe names one, and the difference from it."""
    if build.earlier is None:
        return None
    old = Tables(*(read_table(build.lake, [getattr(build.earlier, table)]) for table in KEYS))
    return build.earlier.name, diff_releases(old, tables, shown=SHOWN)


def stage_count(inputs: Inputs, stage: str) -> StageCount:
    """Return the accounting of one stage, with the reasons."""
    counts = inputs.counts[stage]
    reasons = inputs.read(f"{stage}.exclusions").group_by("verdict", "reason").len("count").sort("verdict", "reason")
    return StageCount.model_validate(
        {"name": stage, **{key: counts[key] for key in ("in", "used", "dropped", "rejected", "rows")}}
        | {"reasons": tuple(Reason(**row) for row in reasons.with_columns(pl.col("count").cast(int)).to_dicts())}
    )


def source_entry(build: Build, source: Source, inputs: Inputs) -> ManifestSource:
    """Return the manifest's entry of a source's files; loose files outside the dataset are ignored."""
    official = known(source.fingerprint, source.info)
    left_out = set(inputs.read("index.exclusions").filter(pl.col("verdict") == "dropped")["key"])
    files = tuple(
        SourceFile(name=name, bytes=file.bytes, sha256=file.sha256, known=official[file.name])
        for name, file in sorted(build.input_files(source).items())
        if f"{source.name}/{name}" not in left_out
    )
    return ManifestSource(name=source.name, known=all(file.known for file in files), files=files)


def pipeline_modules() -> list[str]:
    """Return the modules of all stages and of the code that finishes them."""
    paths = sorted((CODE_ROOT / "medmultipoints/flows/stages").rglob("*.py"))
    stages = [".".join(path.relative_to(CODE_ROOT).with_suffix("").parts) for path in paths if path.stem != "__init__"]
    return [*stages, "medmultipoints.flows.engine.running.finish"]


def manifest_data() -> object:
    """Return the other inputs of card and manifest: the template, all code, the catalogue of sources."""
    catalogue = {name: info.model_dump(mode="json") for name, info in load_catalogue().items()}
    return digest([TEMPLATE.read_text("utf-8"), code_digest(pipeline_modules()), catalogue])


def manifest_parameters(recipe: Recipe) -> object:
    """Return the whole recipe, because the manifest contains it."""
    return recipe.model_dump(mode="json")


STAGE = Stage(
    name="manifest",
    work=write_manifest,
    reads=EVERY_EARLIER,
    reads_sources=True,
    blobs=("readme", "croissant", "statements", "manifest"),
    parameters=manifest_parameters,
    data=manifest_data,
)
