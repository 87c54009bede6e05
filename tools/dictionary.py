"""Generate docs/data-dictionary.md from the declarations of the tables."""

from pathlib import Path

from medmultipoints.expectations.rows.suites import describe_check
from medmultipoints.transforms.columns.tables import Column, Table, load_table, table_names

DICTIONARY = Path(__file__).resolve().parents[1] / "docs" / "data-dictionary.md"

_INTRODUCTION = """# Data dictionary

Generated from `transforms/columns/tables/*.toml` by `make docs`; do not edit.

Boxes are pixel edges, origin top-left, half-open: `[x1, x2) x [y1, y2)`. Points share that frame: the centre of the
pixel in column x and row y is `(x + 0.5, y + 0.5)`. A column may hold null only where it says so. Numbers are finite.
"""


def render_dictionary() -> str:
    """Return the data dictionary of all tables as Markdown."""
    return "\n".join([_INTRODUCTION, *(_section(load_table(name)) for name in table_names())])


def _section(table: Table) -> str:
    together = f"Rows of one `{table.entity}` are kept or rejected together."
    head = f"## {table.name}\n\n{table.meaning} Key: `{table.key}`. {together}\n"
    columns = "".join(_row(column) for column in table.columns)
    rules = "".join(f"- `{rule.name}`: {rule.meaning}\n" for rule in table.rules)
    parts = [head, "| column | type | unit | null | meaning | check |\n|---|---|---|---|---|---|\n" + columns]
    return "\n".join([*parts, f"Rules of each row:\n\n{rules}"] if rules else parts)


def _row(column: Column) -> str:
    check, regex = describe_check(column.check), column.check.regex
    cells = (
        f"`{column.name}`",
        f"`{column.type}`",
        column.unit or "",
        "may be null" if column.nullable else "",
        column.meaning,
        check.replace(regex, f"`{regex}`") if regex else check,
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def main() -> None:
    """Write the data dictionary."""
    DICTIONARY.parent.mkdir(exist_ok=True)
    DICTIONARY.write_text(render_dictionary(), "utf-8")


if __name__ == "__main__":
    main()
