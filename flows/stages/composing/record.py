"""Stage ``record``: write the rows of the release, one per (image, label), and the tables of objects and images."""

from dataclasses import astuple
from typing import Any

import polars as pl

from medmultipoints.data_lake.catalogue import load_catalogue
from medmultipoints.expectations.references import references_hold
from medmultipoints.flows.engine.running.released_images import image_reader
from medmultipoints.flows.engine.stage import (
    WHOLE,
    Build,
    Inputs,
    Output,
    Rules,
    Scans,
    Stage,
    place_of_shard,
    shards_of,
)
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.flows.recipe.sources import own_policies
from medmultipoints.flows.stages.choosing.kept import corrected_regions, rows_of
from medmultipoints.flows.stages.composing.as_released import label_names, released_images, released_names
from medmultipoints.flows.stages.reading.label_names import check_labels
from medmultipoints.flows.stages.reading.source_coverage import require_every_source
from medmultipoints.transforms.columns.ranges import key_parts
from medmultipoints.transforms.compose.label_terms import FILLED, fill_facts
from medmultipoints.transforms.compose.records import compose_records
from medmultipoints.transforms.pictures.decode import decode_image
from medmultipoints.transforms.pictures.tones import tone_of_rle
from medmultipoints.transforms.rasters.source_pictures import UNCHANGED
from medmultipoints.transforms.records import TONE_COLUMNS, Exclusion
from medmultipoints.transforms.reporting.counted import plural

IMAGES_PER_SHARD = 500_000
HASHES = 2**256


def record_shards(build: Build, inputs: Inputs) -> tuple[str, ...]:
    """Return about equal parts of the kept images: a shard's memory use is independent of the total."""
    check_labels(build, inputs)
    return shards_of(inputs.counts["split"]["used"], IMAGES_PER_SHARD)


def images_of(inputs: Inputs, shard: str) -> pl.DataFrame:
    """Return the images of one shard: ``2 of 5`` is the second fifth of all hashes.

    Records and objects are sorted by these hashes.
    """
    images = released_images(inputs)
    if shard != WHOLE:
        number, count = place_of_shard(shard)
        first, after = (f"{HASHES * part // count:064x}" for part in (number - 1, number))
        own = pl.col("image_sha256") >= first
        images = images.filter(own if number == count else own & (pl.col("image_sha256") < after))
    return images.collect(engine="streaming")


def record_images(build: Build, inputs: Inputs, shard: str) -> Output:
    """Return records, objects and released images of one shard under the recipe's policy."""
    recipe, images = build.recipe, images_of(inputs, shard)
    composed = compose_records(
        rows_of(images, inputs.scan("samples")),
        images,
        measure_added(build, inputs, images),
        rows_of(images, inputs.scan("splits")),
        inputs.read("duplicates", "sample_id", "kept_id", "contradicted_labels"),
        policy=recipe.boxes.policy,
        own_policies=own_policies(recipe),
        labels=released_names(recipe, inputs),
        track_rounding=recipe.boxes.track_rounding,
        zero_counts=recipe.labels.zero_counts,
        corrections=rows_of(images, inputs.scan("corrections")),
        left_out=rows_of(images, pl.concat([inputs.scan(f"{stage}.exclusions") for stage in ("index", "derive")])),
        licences={source.name: source.info.licence for source in build.sources},
    )
    records, released = fill_facts(composed.records, composed.released_images, recipe.terms)
    used = released["sample_id"].to_list()
    return Output(
        inputs=images["sample_id"].to_list(),
        used={key: key for key in used},
        tables={
            "records": records,
            "objects": composed.objects,
            "released_images": released,
        },
        exclusions=[Exclusion(**row) for row in composed.exclusions.iter_rows(named=True)],
    )


def measure_added(build: Build, inputs: Inputs, images: pl.DataFrame) -> pl.DataFrame:
    """Return the corrected regions of images; reviewers' masks get a tone where ``derive`` would have measured one."""
    regions = rows_of(images, corrected_regions(inputs))
    own = images.filter(UNCHANGED).select("sample_id")
    drawn = regions.filter(pl.col("evidence") == "correction", pl.col("rle").is_not_null())
    drawn = drawn.join(own, on="sample_id", how="semi")
    if drawn.is_empty():
        return regions
    read, rows = image_reader(build, inputs), list[tuple[object, ...]]()
    for (sample_id,), masks in drawn.partition_by("sample_id", as_dict=True).items():
        pixels = decode_image(read(str(sample_id))).pixels
        tones = ((name, tone_of_rle(pixels, rle)) for name, rle in masks.select("region_id", "rle").iter_rows())
        rows += [(name, *astuple(tone)) for name, tone in tones if tone]
    schema = {name: regions.schema[name] for name in ("region_id", *TONE_COLUMNS)}
    return regions.update(pl.DataFrame(rows, schema=schema, orient="row"), on="region_id")


def record_rules(tables: Scans, inputs: Inputs) -> Rules:
    """Check that no source is lost, objects have records, records have images, and counts are numbers of objects."""
    images, objects, records = tables["released_images"], tables["objects"], tables["records"]
    require_every_source(inputs.recipe, released_images(inputs), images, tables["exclusions"])
    counted, stated = objects.select(key="record_id"), records.select("count", key="record_id")
    wrong = 0
    for own in key_parts(inputs.counts["split"]["used"]):
        found = counted.filter(own).group_by("key").agg(pl.len().alias("objects"))
        both = stated.filter(own).join(found, on="key", how="left")
        other = both.filter(pl.col("count") != pl.col("objects").fill_null(0))
        wrong += other.select(pl.len()).collect(engine="streaming").item()
    return {
        "objects_have_records": references_hold(objects, "record_id", records, "record_id"),
        "records_have_images": references_hold(records, "sample_id", images, "sample_id"),
        "counts_are_objects": (not wrong, f"{plural(wrong, 'record')} with another count than objects"),
    }


def record_parameters(recipe: Recipe) -> object:
    """Return the part of the recipe that this stage depends on."""
    return {
        "policy": [recipe.boxes.policy, own_policies(recipe)],
        "track_rounding": recipe.boxes.track_rounding,
        "labels": recipe.labels.model_dump(),
        "licences": {name: table["licence"] for name, table in recipe.sources.items() if "licence" in table},
        **({"terms": facts} if (facts := _facts(recipe)) else {}),
    }


def _facts(recipe: Recipe) -> dict[str, list[str]]:
    """Return the facts about pictures from the ontology's terms, by label."""
    facts = {label: [term.get(column) or "" for column in FILLED] for label, term in recipe.terms.items()}
    return {label: values for label, values in facts.items() if any(values)}


def loosest_policy(recipe: Recipe) -> str:
    """Return the policy whose suite all rows pass: published boxes may exceed the edge by less than a pixel."""
    policies = {recipe.boxes.policy, *own_policies(recipe).values()}
    return "published" if "published" in policies else "audited"


def record_suite(recipe: Recipe, inputs: Inputs) -> dict[str, dict[str, Any]]:
    """Return the suite of records: for published boxes, for scaled ones or the usual one, with the recipe's labels."""
    return {"records": {"variant": loosest_policy(recipe), "labels": label_names(recipe, inputs)}}


def record_data() -> object:
    """Return the licences of the catalogue, since each row has its own."""
    return {name: info.licence for name, info in load_catalogue().items()}


STAGE = Stage(
    name="record",
    work=record_images,
    shards=record_shards,
    reads=("index", "derive", "text", "correct", "dedup", "split", "redact"),
    writes=("records", "objects", "released_images"),
    reads_sources=True,
    parameters=record_parameters,
    data=record_data,
    rules=record_rules,
    suite=record_suite,
)
