"""Describe data collection and limitations, in the RAI vocabulary of Croissant 1.0.

https://docs.mlcommons.org/croissant/docs/croissant-rai-spec.html: every sentence is computed from the release or
written by the curator. Unknown facts, such as a source's annotators, are left out.
"""

from typing import Any, Final

import polars as pl

from medmultipoints.data_lake.release.card.card_facts import CardFacts, note_instructions
from medmultipoints.transforms.compose.stats import count_personal, note_splits
from medmultipoints.transforms.reporting.counted import plural

CONFORMS: Final = "http://mlcommons.org/croissant/RAI/1.0"
ORIGINS: Final = {
    "mask": "from masks", "polygon": "from outlines", "box": "from boxes of the source", "source": "as published",
    "track": "from tracks", "correction": "by a reviewer",
}  # fmt: skip


def responsible_ai(facts: CardFacts) -> dict[str, Any]:
    """Return the properties ``rai:*`` of a release, without unknown ones."""
    properties = {
        "dataCollection": collection(facts),
        "dataCollectionType": ["Secondary Data Analysis"],
        "dataAnnotationProtocol": annotation(facts),
        "dataAnnotationAnalysis": analysis(facts),
        "machineAnnotationTools": sorted({*_models(facts)}),
        "dataPreprocessingProtocol": preprocessing(facts),
        "dataUseCases": facts.curated.uses,
        "dataLimitations": limitations(facts),
        "dataBiases": biases(facts),
        "personalSensitiveInformation": personal(facts),
        "dataReleaseMaintenancePlan": "A version never changes; a correction is a new version, with the difference "
        "from the one before on its card.",
    }
    return {f"rai:{name}": value for name, value in properties.items() if value}


def collection(facts: CardFacts) -> str:
    """Return the origin of the pictures."""
    counted = dict(facts.tables.images.group_by("source").len().iter_rows())
    parts = [f"{source.title} ({plural(counted.get(source.name, 0), 'image')})" for source in facts.sources]
    return f"No picture was taken for this dataset. Its images are those of {', '.join(parts)}."


def annotation(facts: CardFacts) -> str:
    """Return the evidence of the objects, and the number of reviewers' decisions."""
    counted = facts.tables.objects.group_by("evidence").len().sort("len", "evidence", descending=[True, False])
    origins = [f"{number:,} {ORIGINS.get(name, name)}" for name, number in counted.iter_rows()]
    decided = f" Reviewers made {plural(facts.corrections.height, 'decision')}." if facts.corrections.height else ""
    return f"Boxes, points and counts under the policy '{facts.policy}': {', '.join(origins) or 'none'}.{decided}"


def analysis(facts: CardFacts) -> list[str]:
    """Return the audit's findings, the agreement of reviewers, and the result of a random sample."""
    found = dict(facts.disagreements.group_by("severity").len().iter_rows())
    audit = ", ".join(f"{found.get(name, 0):,} {name}" for name in ("error", "warning", "info"))
    return [f"Findings of the audit of the sources' labels: {audit}.", *facts.review]


def preprocessing(facts: CardFacts) -> list[str]:
    """Return the changes to the pictures."""
    images = facts.tables.images
    origins = dict(images.group_by("image_origin").len().iter_rows())
    hows = {
        "with the bytes of the source's file": origins.get("member"),
        "with the bytes held in a table of the source": origins.get("embedded"),
        "decoded from videos": origins.get("decoded"),
        "converted to PNG": origins.get("converted"),
        "with filled regions or removed metadata": origins.get("redacted"),
        "resized": images.filter(pl.col("scale") < 1).height,
    }
    return [f"Images {how}: {number:,}." for how, number in hows.items() if number]


def limitations(facts: CardFacts) -> list[str]:
    """Return the curator's limitations, and the missing or unusable content that the tables show."""
    shares = facts.recipe.get("splits", {}).get("fractions", ())
    notes = note_instructions(facts.tables.instructions, facts.recipe, facts.accounting)
    cut = facts.tables.objects.filter(pl.col("truncated")).height
    return [
        *filter(None, [facts.curated.limits.strip()]),
        *(f"{note[:1].upper()}{note[1:]}." for note in [*note_splits(facts.tables.images, shares), *notes]),
        *([f"Objects that are cut by the border of their picture: {cut:,}."] if cut else []),
    ]


def biases(facts: CardFacts) -> list[str]:
    """Return the shares of sources, modalities and labels among the images and objects."""
    images, objects = facts.tables.images, facts.tables.objects
    rows = [("images by source", images["source"]), ("images by modality", images["modality"].drop_nulls())]
    rows += [("objects by label", objects["label"])]
    return [f"{name}: {_shares(column)}." for name, column in rows if column.n_unique() > 1]


def _shares(column: pl.Series) -> str:
    counted = column.value_counts().sort("count", column.name, descending=[True, False]).rows()
    return ", ".join(f"{name} {100 * number / column.len():.1f} %" for name, number in counted)


def personal(facts: CardFacts) -> list[str]:
    """Return the content of pictures and files that may concern a person, and the checks for it."""
    readers = ", ".join(facts.recipe.get("text", {}).get("readers", ()))
    found = [
        f"{plural(count, 'picture')}: {kind.replace('_', ' ')}."
        for kind, count in count_personal(facts.disagreements, facts.tables.images["sample_id"]).items()
    ]
    how = f"Text in the pictures was read by: {readers}." if readers else "No text in the pictures was read."
    return [*(found or ["Nothing that concerns a person was found."]), how]


def _models(facts: CardFacts) -> list[str]:
    return [str(name) for table in facts.made.values() if "model" in table.columns for name in table["model"].unique()]
