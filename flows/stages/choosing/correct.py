"""Stage ``correct``: match reviewers' decisions with the data; drop withdrawn and excluded images."""

from collections.abc import Iterable
from contextlib import suppress

import polars as pl

from medmultipoints.expectations.references import references_hold
from medmultipoints.flows.engine.stage import Build, Inputs, Output, Rules, Scans, Stage
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.flows.recipe.sources import own_policies
from medmultipoints.transforms.audit.corrections import find_withdrawn, match_corrections
from medmultipoints.transforms.audit.decisions import Correction, Withdrawal
from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.pictures.decode import decode_image, pixel_sha256
from medmultipoints.transforms.records import Exclusion
from medmultipoints.transforms.sources.accounting import exclude_sample


def correct_images(build: Build, inputs: Inputs, _shard: str) -> Output:
    """Match every decision of the recipe with its subject; drop images that may not be released."""
    recipe, images = build.recipe, inputs.read("images")
    decisions = recipe.corrections.decisions
    names = dict(recipe.labels.names)
    if recipe.labels.others == "keep":
        names = {label: label for label in inputs.read("regions", "label")["label"].unique().sort()} | names
    corrections = match_corrections(
        decisions, images, inputs.read("regions"), policy=recipe.boxes.policy, labels=names, own=own_policies(recipe)
    )
    withdrawals = recipe.corrections.withdrawals
    withdrawn = find_withdrawn(withdrawals, images, hash_pixels(build, inputs) if needs_pixels(withdrawals) else {})
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


def needs_pixels(withdrawals: Iterable[Withdrawal]) -> bool:
    """Return whether a withdrawal identifies its picture only by the pixel hash from before ``luma_blake3``."""
    return any(entry.pixel_sha256 and not entry.luma_blake3 for entry in withdrawals)


def hash_pixels(build: Build, inputs: Inputs) -> dict[str, str]:
    """Return the hash of the decoded RGB pixels of each image that its source holds as a file of its own."""
    samples = inputs.read("samples", "sample_id", "source", "image_member").filter(pl.col("image_member").is_not_null())
    files = {name: build.files(name) for name in samples["source"].unique()}
    found = {}
    for sample_id, source, member in samples.join(inputs.read("images", "sample_id"), on="sample_id").iter_rows():
        with suppress(MemberProblem):  # such as a slice of a volume, which older releases did not have
            found[sample_id] = pixel_sha256(decode_image(files[source].read(member)).pixels)
    return found


def leave_out(sample_id: str, reason: str, entry: Correction | Withdrawal) -> Exclusion:
    """Return the exclusion of an image, with the reviewer's reason."""
    said = f"{entry.reason} ({entry.reviewer}, {entry.date}; {entry.where})"
    return exclude_sample(sample_id, "dropped", reason, said)


def correct_rules(tables: Scans, inputs: Inputs) -> Rules:
    """Check that every decision is about an image."""
    corrections, images = tables["corrections"], inputs.scan("images")
    return {"corrections_have_images": references_hold(corrections, "sample_id", images, "sample_id")}


def correct_parameters(recipe: Recipe) -> object:
    """Return the decisions and the parameters that affect their matching."""
    return {
        "corrections": recipe.corrections.model_dump(mode="json", exclude={"opinions", "samples"}),
        "policy": [recipe.boxes.policy, own_policies(recipe)],
        "labels": list(recipe.labels.names),
    }


STAGE = Stage(
    name="correct",
    work=correct_images,
    reads=("index", "derive"),
    reads_sources=True,
    writes=("corrections",),
    parameters=correct_parameters,
    rules=correct_rules,
)
