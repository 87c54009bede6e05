"""Generate docs/reasons.md: why inputs are left out and what the audit finds, each with meaning and remedy."""

from collections.abc import Mapping

from medmultipoints.transforms.reporting.explained import Explained, explained_exclusions, explained_findings

_HEAD = """# Reasons and findings

Generated from `transforms/reporting/exclusions.toml` and `findings.toml` by `make docs`; do not edit.

## Why an input is left out

Every input that yields no row is in `quarantine/exclusions.parquet`, with one of these words as its `reason` and the
file, entry and values in its `detail`. *Rejected* inputs are damaged or doubtful, *dropped* ones are left out by the
recipe. Two kinds of words are not listed: a row that breaks a rule of its table has the name of that rule
([columns](data-dictionary.md)), and `no_form_in_…` names the dialect that has no form for a question.
"""
_FINDINGS = """## What the audit finds

Findings are in `quarantine/disagreements.parquet`, one row each; [Audit](audit.md) says how they are found. An *error*
or a *warning* says that the source is wrong or doubtful; *info* is harmless but worth knowing.
"""


def render_reasons() -> str:
    """Return the page."""
    parts = [_HEAD, *(_section(room, words, "reason") for room, words in explained_exclusions().items())]
    parts += [_FINDINGS, *(_section(room, words, "kind") for room, words in explained_findings().items())]
    return "\n".join(parts)


def _section(room: str, words: Mapping[str, Explained], column: str) -> str:
    head = [column, *(["severity"] if column == "kind" else []), "what it means", "what helps"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for word, one in words.items():
        cells = [f"`{word}`", *([one.severity] if one.severity else []), one.meaning, one.remedy]
        lines.append(f"| {' | '.join(cells)} |")
    return f"### {room[0].upper()}{room[1:]}\n\n" + "\n".join(lines) + "\n"
