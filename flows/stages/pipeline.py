"""The pipeline: reading this list is reading the project."""

from medmultipoints.data_lake.prompt_assets import wording_digest
from medmultipoints.flows.engine.stage import Stage
from medmultipoints.flows.stages.audit import audit_labels, audit_parameters, audit_rules
from medmultipoints.flows.stages.correct import correct_images, correct_parameters, correct_rules
from medmultipoints.flows.stages.dedup import dedup_images, dedup_parameters, dedup_rules
from medmultipoints.flows.stages.derive import derive_parameters, derive_rules, derive_shard, derive_shards
from medmultipoints.flows.stages.index import index_parameters, index_source, source_names
from medmultipoints.flows.stages.instruct import instruct_parameters, instruct_records, instruct_rules, instruct_shards
from medmultipoints.flows.stages.manifest import manifest_data, manifest_parameters, write_manifest
from medmultipoints.flows.stages.measure import inspect_parameters, inspect_pictures, inspect_rules, inspect_shards
from medmultipoints.flows.stages.near import find_near_duplicates, near_parameters, near_rules
from medmultipoints.flows.stages.record import (
    record_data,
    record_images,
    record_parameters,
    record_rules,
    record_shards,
    record_suite,
)
from medmultipoints.flows.stages.release import release_parameters, release_shard, release_shards
from medmultipoints.flows.stages.split import split_images, split_parameters, split_rules
from medmultipoints.flows.stages.translate import translate_instructions, translate_parameters, translate_rules

TABLE_STAGES = (
    "index", "derive", "correct", "dedup", "near", "measure", "audit", "split", "record", "instruct", "translate",
)  # fmt: skip
"""The stages whose tables the release is made of."""

PIPELINE: tuple[Stage, ...] = (
    Stage(
        name="index",
        work=index_source,
        shards=source_names,
        reads_sources=True,
        writes=("samples",),
        parameters=index_parameters,
    ),
    Stage(
        name="derive",
        work=derive_shard,
        shards=derive_shards,
        reads=("index",),
        reads_sources=True,
        writes=("images", "regions", "specks", "thumbnails"),
        blobs=("stored",),
        parameters=derive_parameters,
        rules=derive_rules,
    ),
    Stage(
        name="correct",
        work=correct_images,
        reads=("derive",),
        writes=("corrections",),
        parameters=correct_parameters,
        rules=correct_rules,
    ),
    Stage(
        name="dedup",
        work=dedup_images,
        reads=("derive", "correct"),
        writes=("duplicates",),
        parameters=dedup_parameters,
        rules=dedup_rules,
    ),
    Stage(
        name="near",
        work=find_near_duplicates,
        reads=("index", "derive", "correct", "dedup"),
        writes=("near_duplicates", "near_distances"),
        parameters=near_parameters,
        rules=near_rules,
    ),
    Stage(
        name="measure",
        work=inspect_pictures,
        shards=inspect_shards,
        reads=("index", "derive", "correct", "dedup"),
        reads_sources=True,
        writes=("picture_facts",),
        parameters=inspect_parameters,
        rules=inspect_rules,
    ),
    Stage(
        name="audit",
        work=audit_labels,
        reads=("index", "derive", "correct", "dedup", "near", "measure"),
        writes=("disagreements", "conventions"),
        parameters=audit_parameters,
        rules=audit_rules,
    ),
    Stage(
        name="split",
        work=split_images,
        reads=("index", "derive", "correct", "dedup", "near"),
        writes=("splits", "split_changes"),
        parameters=split_parameters,
        rules=split_rules,
    ),
    Stage(
        name="record",
        work=record_images,
        shards=record_shards,
        reads=("index", "derive", "correct", "dedup", "split"),
        writes=("records", "objects", "released_images"),
        parameters=record_parameters,
        data=record_data,
        rules=record_rules,
        suite=record_suite,
    ),
    Stage(
        name="instruct",
        work=instruct_records,
        shards=instruct_shards,
        reads=("derive", "correct", "record"),
        writes=("instructions",),
        parameters=instruct_parameters,
        data=wording_digest,
        rules=instruct_rules,
    ),
    Stage(
        name="translate",
        work=translate_instructions,
        shards=instruct_shards,
        reads=("record", "instruct"),
        writes=("dialect_lines",),
        parameters=translate_parameters,
        data=wording_digest,
        rules=translate_rules,
    ),
    Stage(
        name="release",
        work=release_shard,
        shards=release_shards,
        reads=TABLE_STAGES,
        reads_sources=True,
        blobs=("files", "listing"),
        parameters=release_parameters,
    ),
    Stage(
        name="manifest",
        work=write_manifest,
        reads=(*TABLE_STAGES, "release"),
        reads_sources=True,
        blobs=("readme", "croissant", "changes", "manifest"),
        parameters=manifest_parameters,
        data=manifest_data,
    ),
)
