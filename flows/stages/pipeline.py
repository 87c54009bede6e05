"""The pipeline: reading this list is reading the project."""

from medmultipoints.flows.engine.stage import pipeline
from medmultipoints.flows.stages import (
    audit,
    correct,
    dedup,
    derive,
    index,
    instruct,
    join,
    manifest,
    measure,
    near,
    record,
    redact,
    release,
    scenes,
    split,
    text,
    translate,
)

PIPELINE = pipeline(
    index.STAGE,
    derive.STAGE,
    text.STAGE,
    scenes.STAGE,
    correct.STAGE,
    dedup.STAGE,
    join.STAGE,
    near.STAGE,
    measure.STAGE,
    audit.STAGE,
    split.STAGE,
    redact.STAGE,
    record.STAGE,
    instruct.STAGE,
    translate.STAGE,
    release.STAGE,
    manifest.STAGE,
)
