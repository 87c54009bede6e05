"""Stage ``describe``: keep the sentences of a model's replies that contain no false claim."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from medmultipoints.data_lake.describe.reply_file import Reply, read_replies
from medmultipoints.data_lake.prompts.object_names import names_digest, release_names
from medmultipoints.data_lake.store.objects import object_path
from medmultipoints.expectations.references import references_hold
from medmultipoints.flows.engine.stage import Build, Inputs, Output, Rules, Scans, Stage
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.transforms.columns.tables import schema_of
from medmultipoints.transforms.descriptions.accept import AcceptPolicy, accept_reply
from medmultipoints.transforms.descriptions.described_scenes import described_scenes
from medmultipoints.transforms.descriptions.description_rows import description_row, refusal_rows
from medmultipoints.transforms.records import Exclusion

ORIGIN = ("model", "prompt_sha256", "temperature")
NOT_RELEASED = "picture_not_released"


def keep_descriptions(build: Build, inputs: Inputs, _shard: str) -> Output:
    """Return the accepted sentences of every reply; one without any, or without its picture, is dropped."""
    pinned = build.pinned.get("describe")
    where = f"describe.file {build.recipe.describe.file}"
    replies = read_replies(object_path(build.lake, pinned.sha256), where) if pinned else ()
    kept, refused, exclusions, used = _judged(build.recipe, inputs, replies) if replies else ([], [], [], {})
    tables = {
        "descriptions": _frame("descriptions", kept),
        "refused_sentences": _frame("refused_sentences", refused),
    }
    return Output(inputs=[one.image_sha256 for one in replies], used=used, tables=tables, exclusions=exclusions)


Rows = list[dict[str, Any]]


def _judged(
    recipe: Recipe, inputs: Inputs, replies: Sequence[Reply]
) -> tuple[Rows, Rows, list[Exclusion], dict[str, str | None]]:
    """Return rows of both tables, exclusions, and the picture of each used reply."""
    records, objects, images = (inputs.read(name) for name in ("records", "objects", "released_images"))
    names = release_names(records, images, recipe.plurals)
    licences = dict(images.select("sample_id", "licence").iter_rows())
    by_image = {one.image_sha256: one for one in replies}
    policy = AcceptPolicy(recipe.describe.uncheckable, recipe.describe.least_kept)
    kept, refused, exclusions, used = Rows(), Rows(), list[Exclusion](), dict[str, str | None]()
    for one in described_scenes(records, objects, images, names, recipe.boxes.policy, set(by_image)):
        scene, reply = one.scene, by_image.pop(one.scene.image_sha256)
        accepted = accept_reply(reply.reply, reply.outcome, one.picture, one.vocabulary, policy)
        refused += refusal_rows(scene, accepted, reply.reply)
        if accepted.reason:
            exclusions.append(_drop(reply, accepted.reason, scene.source, scene.sample_id))
        else:
            origin = {name: getattr(reply, name) for name in ORIGIN}
            kept.append(description_row(scene, licences[scene.sample_id], accepted, origin))
            used[reply.image_sha256] = scene.sample_id
    exclusions += [_drop(reply, NOT_RELEASED, "describe", None) for reply in by_image.values()]
    return kept, refused, exclusions, used


def _drop(reply: Reply, reason: str, source: str, sample_id: str | None) -> Exclusion:
    return Exclusion(
        source=source, key=reply.image_sha256, verdict="dropped", reason=reason, detail="", sample_id=sample_id
    )


def _frame(table: str, rows: Rows) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=schema_of(table), orient="row")


def describe_rules(tables: Scans, inputs: Inputs) -> Rules:
    """Check that every description is of a released picture."""
    images = inputs.scan("released_images")
    return {"descriptions_have_images": references_hold(tables["descriptions"], "sample_id", images, "sample_id")}


def describe_parameters(recipe: Recipe) -> object:
    """Return the reply file, the policy for sentences, and the box policy on which object names depend."""
    chosen = recipe.describe.model_dump(mode="json", exclude={"file"})
    plurals = {"plurals": recipe.plurals} if recipe.plurals else {}
    return {"describe": chosen, "policy": recipe.boxes.policy, **plurals}


STAGE = Stage(
    name="describe",
    work=keep_descriptions,
    reads=("record",),
    writes=("descriptions", "refused_sentences"),
    parameters=describe_parameters,
    data=names_digest,
    rules=describe_rules,
)
