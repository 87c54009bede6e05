"""Summarize personal information in the pictures of a release, and how the recipe handles it."""

from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from medmultipoints.data_lake.release.read.json_files import recipe_value
from medmultipoints.data_lake.release.write.manifest import Manifest
from medmultipoints.data_lake.report.materials import Materials
from medmultipoints.transforms.compose.stats import count_personal
from medmultipoints.transforms.reporting.counted import plural

SHOWN: Final[Mapping[str, tuple[str, str]]] = {
    "shows_date": ("date", "show a date"),
    "shows_clock": ("clock", "show a clock"),
    "shows_name": ("name", "show a name"),
    "shows_number": ("number", "show a long number"),
    "shows_text": ("other", "show other text"),
    "carries_gps": ("gps", "carry a place in their files"),
}
"""By kind of finding the key of ``[privacy]``, and what the pictures do."""
CARRIED: Final = ("date", "name", "number", "other")
"""The keys that a finding ``carries_metadata`` may be about."""
ONE: Final = {"show": "shows", "carry": "carries"}
DONE: Final = {
    "report": "Nothing was done about it (policy `report`); `[privacy]` in the recipe redacts, holds back or refuses.",
    "redact": "It is filled in the released pictures, or removed from their files (policy `redact`).",
    "quarantine": "Such pictures are held back (policy `quarantine`).",
    "refuse": "Such a release is refused (policy `refuse`).",
}


def privacy(own: Materials) -> dict[str, Any]:
    """Return sentences about personal information in released pictures, and the kinds that were not handled.

    ``looked`` is false if no reader looked for text in the pictures; ``files_alone``: and their files carry some.
    """
    images = own.tables.images
    return count_privacy(own.found["disagreements"], images["sample_id"], own.manifest)


def count_privacy(findings: pl.DataFrame, released: pl.Series, manifest: Manifest) -> dict[str, Any]:
    """Return the same from the audit's findings and the names of the released pictures."""
    policy = recipe_value(manifest, dict, "privacy") or {}
    counts = count_personal(findings, released)
    by_action: dict[str, list[tuple[int, str]]] = {}
    untouched: list[str] = []
    for kind, (key, words) in SHOWN.items():
        if number := counts.get(kind, 0):
            action = str(policy.get(key, "report"))
            by_action.setdefault(action, []).append((number, words))
            untouched += [key] if action == "report" else []
    if number := counts.get("carries_metadata", 0):
        actions = {str(policy.get(key, "report")) for key in CARRIED}
        action = actions.pop() if len(actions) == 1 else "report"
        by_action.setdefault(action, []).append((number, "carry texts or dates in their files"))
        reported = [key for key in CARRIED if str(policy.get(key, "report")) == "report"]
        untouched += [key for key in reported if key not in untouched]
    total = len(released)
    sentences = [f"{_listed(numbers, total)}. {DONE.get(action, '')}" for action, numbers in by_action.items()]
    looked = bool(recipe_value(manifest, list, "text", "readers"))
    files_alone = not looked and counts.get("carries_metadata", 0) > 0
    return {"sentences": sentences, "untouched": untouched, "looked": looked, "files_alone": files_alone}


def _listed(numbers: list[tuple[int, str]], total: int) -> str:
    """Return "93 of 120 pictures show a date, 91 a clock": a repeated verb is written once."""
    verb, parts = "", list[str]()
    for number, words in numbers:
        own, _, what = words.partition(" ")
        words = words if number != 1 else f"{ONE[own]} {what}".replace("their files", "its file")
        parts.append(f"{number:,} {what if own == verb else words}")
        verb = own
    first, _, rest = parts[0].partition(" ")
    head = f"{first} of {plural(total, 'picture')} {rest}"
    return ", ".join([head, *parts[1:]])
