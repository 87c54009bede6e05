"""Generate the table of docs/formats.md and the page of examples from the registered formats."""

import tomllib
from pathlib import Path
from typing import Any

from medmultipoints.transforms.sources.formats.format import Format
from medmultipoints.transforms.sources.registry import FORMATS

EXAMPLES: dict[str, Any] = tomllib.loads((Path(__file__).parent / "format_examples.toml").read_text("utf-8"))
_INTRODUCTION = """# Formats by example

Generated from the formats and `tools/format_examples.toml` by `make docs`; do not edit.

For each format: a folder as it is found, what is left out, and a declaration with everything that is asked or
proved. `medmultipoints inspect FOLDER` writes it for you; most lines need not be stated. Rules that matter are in
[Formats of your own data](formats.md), all keys in the [reference of declarations](declaration.md).
"""


def render_formats() -> str:
    """Return the table, with one row per format: name, title, losses, and how to export it."""
    rows = [
        f"| [`{form.name}`](format-examples.md#{form.name}) | {form.title} | {form.lost} | {form.export} |\n"
        for form in _sorted()
    ]
    head = "\n| `format` | what it is | what is lost or left out | how to export it |\n|---|---|---|---|\n"
    return head + "".join(rows)


def render_examples() -> str:
    """Return the page with one section per format."""
    return "\n".join([_INTRODUCTION, *map(_section, _sorted())])


def _sorted() -> list[Format]:
    return sorted(FORMATS, key=lambda form: form.name)


def _section(form: Format) -> str:
    files = "\n".join(EXAMPLES[form.name]["files"])
    return (
        f"## {form.name}\n\n{form.title}. Left out: {form.lost}. To export it: {form.export}.\n\n"
        f"```text\n{files}\n```\n\n```toml\n{EXAMPLES[form.name]['read'].strip()}\n```\n"
    )
