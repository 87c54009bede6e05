"""Generate the table of docs/formats.md from the formats themselves."""

from medmultipoints.transforms.sources.registry import FORMATS


def render_formats() -> str:
    """Return one row a format: its name in declarations, what it is, what is lost, and how tools export it."""
    rows = [
        f"| `{form.name}` | {form.title} | {form.lost} | {form.export} |\n"
        for form in sorted(FORMATS, key=lambda form: form.name)
    ]
    head = "\n| `format` | what it is | what is lost or left out | how to export it |\n|---|---|---|---|\n"
    return head + "".join(rows)
