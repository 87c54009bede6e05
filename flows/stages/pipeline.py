"""Define the pipeline as a list of stages."""

from medmultipoints.flows.engine.planning.place import refuse_taken
from medmultipoints.flows.engine.stage import Build, pipeline
from medmultipoints.flows.stages import (
    audit,
    correct,
    dedup,
    derive,
    describe,
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
    witness,
)
from medmultipoints.flows.stages.manifest import code_of

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
    witness.STAGE,
    instruct.STAGE,
    translate.STAGE,
    describe.STAGE,
    release.STAGE,
    manifest.STAGE,
)


def refuse_early(build: Build) -> None:
    """Raise UsageError before any work if the version exists with other inputs, unless the request compares it late."""
    if build.request.check_version == "early" and build.request.version != "auto":
        refuse_taken(build, code_of(build))
