"""Stage ``correct``: match reviewers' decisions with the data; drop withdrawn and excluded images."""

from medmultipoints.expectations.references import references_hold
from medmultipoints.flows.engine.stage import Build, Inputs, Output, Rules, Scans, Stage
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.transforms.audit.corrections import Correction, Withdrawal, find_withdrawn, match_corrections
from medmultipoints.transforms.records import Exclusion


def correct_images(build: Build, inputs: Inputs, _shard: str) -> Output:
    """Every decision of the recipe with what it is about; images that may not be released are dropped."""
    recipe, images = build.recipe, inputs.read("images")
    decisions = recipe.corrections.decisions
    corrections = match_corrections(
        decisions, images, inputs.read("regions"), policy=recipe.boxes.policy, labels=recipe.labels.names
    )
    withdrawn = find_withdrawn(recipe.corrections.withdrawals, images)
    excluded = {entry.image: entry for entry in decisions if entry.action == "exclude" and entry.object is None}
    reasons: dict[str, tuple[str, Correction | Withdrawal]] = {
        **{sample_id: ("excluded_by_review", entry) for sample_id, entry in excluded.items()},
        **{sample_id: ("withdrawn", entry) for sample_id, entry in withdrawn.items()},
    }
    keys = images["sample_id"].to_list()
    return Output(
        inputs=keys,
        used={key: key for key in keys if key not in reasons},
        tables={"corrections": corrections},
        exclusions=[leave_out(sample_id, *why) for sample_id, why in sorted(reasons.items())],
    )


def leave_out(sample_id: str, reason: str, entry: Correction | Withdrawal) -> Exclusion:
    """The exclusion of an image, with the words of the reviewer."""
    return Exclusion(
        source=sample_id.split("/")[0],
        key=sample_id,
        verdict="dropped",
        reason=reason,
        detail=f"{entry.reason} ({entry.reviewer}, {entry.date}; {entry.where})",
        sample_id=sample_id,
    )


def correct_rules(tables: Scans, inputs: Inputs) -> Rules:
    """Every decision is about an image."""
    corrections, images = tables["corrections"], inputs.scan("images")
    return {"corrections_have_images": references_hold(corrections, "sample_id", images, "sample_id")}


def correct_parameters(recipe: Recipe) -> object:
    """The decisions, and what they are matched with."""
    return {
        "corrections": recipe.corrections.model_dump(mode="json", exclude={"opinions", "samples"}),
        "policy": recipe.boxes.policy,
        "labels": list(recipe.labels.names),
    }


STAGE = Stage(
    name="correct",
    work=correct_images,
    reads=("derive",),
    writes=("corrections",),
    parameters=correct_parameters,
    rules=correct_rules,
)
