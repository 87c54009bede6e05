"""Stage ``translate``: write the instructions in the dialects that the recipe names."""

from medmultipoints.data_lake.prompts.prompt_templates import wording_digest
from medmultipoints.data_lake.release.export.dialect_lines import left_out_reason, translate
from medmultipoints.data_lake.release.read.released_tables import line_id
from medmultipoints.expectations.references import references_hold
from medmultipoints.flows.engine.stage import Build, Inputs, Output, Rules, Scans, Stage
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.flows.stages.choosing.kept import rows_of
from medmultipoints.flows.stages.composing.instruct import images_of, instruct_shards
from medmultipoints.transforms.records import Exclusion

HOME = ("record_id", "sample_id", "source")


def translate_instructions(build: Build, inputs: Inputs, shard: str) -> Output:
    """Return the entries of every dialect; each instruction that a dialect cannot express is dropped by name.

    The shards are those of ``instruct``, so an instruction and all its images are in one shard.
    """
    images, dialects = images_of(inputs, shard), build.recipe.instructions.dialects
    records = rows_of(images, inputs.scan("records"))
    own = inputs.scan("instructions").join(records.lazy(), on="record_id", how="semi", maintain_order="left")
    instructions = own.collect(engine="streaming")
    lines, left_out = translate(instructions, images, records, dialects)
    homes = {key: (sample_id, source) for key, sample_id, source in records.select(HOME).iter_rows()}
    exclusions = [
        Exclusion(
            source=homes[one.record_id][1],
            key=line_id(one.dialect, one.instruction_id),
            verdict="dropped",
            reason=left_out_reason(one.dialect),
            detail=one.why,
            sample_id=homes[one.record_id][0],
        )
        for one in left_out
    ]
    used = {key: key for key in lines["line_id"]}
    inputs_taken = [line_id(name, one) for name in dialects for one in instructions["instruction_id"]]
    return Output(inputs=inputs_taken, used=used, tables={"dialect_lines": lines}, exclusions=exclusions)


def translate_rules(tables: Scans, inputs: Inputs) -> Rules:
    """Check that every entry belongs to an instruction."""
    lines, instructions = tables["dialect_lines"], inputs.scan("instructions")
    return {
        "entries_have_instructions": references_hold(lines, "instruction_id", instructions, "instruction_id"),
    }


def translate_parameters(recipe: Recipe) -> object:
    """Return the part of the recipe that this stage depends on."""
    return {"dialects": recipe.instructions.dialects}


STAGE = Stage(
    name="translate",
    work=translate_instructions,
    shards=instruct_shards,
    reads=("record", "instruct"),
    writes=("dialect_lines",),
    parameters=translate_parameters,
    data=wording_digest,
    rules=translate_rules,
)
