"""Define the pipeline as a list of stages."""

from medmultipoints.flows.engine.planning.place import refuse_taken
from medmultipoints.flows.engine.stage import Build, pipeline
from medmultipoints.flows.stages.choosing import audit, correct, dedup, join, measure, near, split, survey
from medmultipoints.flows.stages.composing import describe, instruct, record, redact, translate, witness
from medmultipoints.flows.stages.reading import derive, index, scenes, text
from medmultipoints.flows.stages.releasing import manifest, release
from medmultipoints.flows.stages.releasing.manifest import code_of

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
    survey.STAGE,
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
