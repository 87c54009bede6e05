"""Generate docs/data-dictionary.md from the declarations of the tables."""

from pathlib import Path

from medmultipoints.data_lake.release.card.front_matter import CONFIGS, DECLARED
from medmultipoints.data_lake.release.write.files import MADE
from medmultipoints.data_lake.release.write.instruction_rows import released_columns
from medmultipoints.expectations.rows.suites import describe_check
from medmultipoints.flows.stages.releasing.release import MADE_ASIDE, QUARANTINE
from medmultipoints.transforms.columns.tables import Column, Table, load_table, table_names

DICTIONARY = Path(__file__).resolve().parents[1] / "docs" / "data-dictionary.md"

_INTRODUCTION = """# Data dictionary

Generated from `transforms/columns/tables/*.toml` by `make docs`; do not edit.

Boxes are pixel edges, origin top-left, half-open: `[x1, x2) x [y1, y2)`. Points share that frame: the centre of the
pixel in column x and row y is `(x + 0.5, y + 0.5)`. Only columns marked *may be null* hold null.
No number is NaN or infinite.

The tables of a release come first. Each has the name of its declaration, which may differ from that of its folder:

| files of a release | table |
|---|---|
"""
_REST = """
All other tables are results of stages. They are kept in the lake, and no release has them.
"""
FILES = {
    **{DECLARED[config]: f"{folder}/<split>-*.parquet" for config, folder in CONFIGS.items()},
    **{name: f"{name}/<split>-*.parquet" for name in MADE},
    **{name: f"quarantine/{name}.parquet" for name in (*QUARANTINE, *MADE_ASIDE)},
}
"""The files of each table that a release has."""


def render_dictionary() -> str:
    """Return the data dictionary of all tables as Markdown."""
    rows = "".join(f"| `{files}` | [`{name}`](#{name}) |\n" for name, files in FILES.items())
    others = [name for name in table_names() if name not in FILES]
    return "\n".join([_INTRODUCTION + rows + _REST, *(_section(load_table(name)) for name in (*FILES, *others))])


def _section(table: Table) -> str:
    together = f"Rows of one `{table.entity}` are kept or rejected together."
    where = f"Files of a release: `{FILES[table.name]}`" if table.name in FILES else "Not part of a release"
    kept = released_columns(table)
    fewer = f", with the columns {', '.join(f'`{one.name}`' for one in kept)}" if len(kept) < len(table.columns) else ""
    head = f"## {table.name}\n\n{table.meaning} Key: `{table.key}`. {together} {where}{fewer}.\n"
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
