"""Write changes.json of a release: the difference from the release that its recipe names as the previous one."""

from dataclasses import asdict
from typing import Any, Final

import orjson

from medmultipoints.transforms.diff.changes import Change
from medmultipoints.transforms.diff.releases import ReleaseDiff
from medmultipoints.transforms.reporting.hidden import as_cell

CHANGES: Final = "changes.json"
SHOWN: Final = 12


def changes_bytes(earlier: str, diff: ReleaseDiff) -> bytes:
    """Return the content of changes.json; ``earlier`` is name and version of the previous release."""
    document = {"format": 1, "from": earlier, **plain(diff)}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def plain(diff: ReleaseDiff) -> dict[str, Any]:
    """Return the difference as lists, texts and numbers."""
    return {"level": diff.level, "changes": [_plain_change(change) for change in diff.changes]}


def _plain_change(change: Change) -> dict[str, Any]:
    far = {"median_px": change.how_far[0], "most_px": change.how_far[1]} if change.how_far else None
    shown = [{name: value for name, value in asdict(one).items() if value is not None} for one in change.examples]
    return {
        "kind": change.kind,
        "what": change.what,
        "level": change.level,
        "count": change.count,
        "how_far": far,
        "examples": shown,
    }


def markdown(titles: tuple[str, str], diff: ReleaseDiff) -> str:
    """Return the difference as a Markdown table, the most severe change first; one line if nothing changed."""
    if not diff.changes:
        return f"No difference between {titles[0]} and {titles[1]}.\n"
    head = "| level | number | what | how far | for example |\n|---|---:|---|---|---|\n"
    rows = [f"| {' | '.join(map(as_cell, _row(change)))} |\n" for change in diff.changes]
    return f"# From {titles[0]} to {titles[1]}\n\n{head}{''.join(rows)}"


def _row(change: Change) -> tuple[str, ...]:
    far = "median {:,.1f} px, most {:,.1f} px".format(*change.how_far) if change.how_far else ""
    return change.level, f"{change.count:,}", change.what, far, ", ".join(change.short(one) for one in change.examples)
