"""Generate docs/declaration.md from the models of declarations."""

import inspect

from medmultipoints.data_lake.catalogue import SourceInfo
from medmultipoints.transforms.sources.declaration.model import Also, Declaration
from medmultipoints.transforms.sources.declaration.parts import TableKeys
from medmultipoints.transforms.sources.formats.format import EVERY_KEY, Format
from medmultipoints.transforms.sources.registry import EVERY_FORMAT
from tools.recipe_reference import model_of, table_of

_INTRODUCTION = """# Declaration of a source

Generated from `data_lake/catalogue.py` and `transforms/sources/declaration/` by `make docs`; do not edit.

A source of your own is a table `[sources.NAME]` in a recipe, with `path` and, where no data can show it, a few of the
keys below; or a file of its own with the same keys, named by `declaration = "FILE.toml"`. `medmultipoints inspect PATH`
writes one, with the `name` given by `--as`: in a recipe NAME is its name. A build refuses open questions, all at once,
each with the line that answers it.

| key of `[sources.NAME]` alone | meaning |
|---|---|
| `path` | folder or archive, from the folder of the recipe, or of the file that holds it; `--source NAME=PATH` wins |
| `declaration` | a TOML file with keys of this page; keys in the recipe win, `labels` and `values` as a whole |
| `accept` | `true`, or a list of keys: take the likely answers of open questions; they are named on the card |
| `policy` | `published` or `audited`, where it is not that of `[boxes]`; also for the sources of the catalogue |

## Patterns

Paths are patterns from the root of the source: `{patient}` is the shortest text without `/` and without the character
that follows the hole, `{slice:int}` a number, `{visit:\\d{3}}` what the expression matches within one folder, `*`
any text in one folder, `**` any folders, `[...]` a part that may be absent. Holes of equal names join pictures and
annotations; numbers join without leading zeros. A path that a pattern reads in two ways is refused with both readings.
Holes named `split`, `group`, `organ`, `modality`, `finding`, `classification` and `licence` fill those columns.
`columns` and joined tables win over these holes, and over what annotations and DICOM headers state.
In `groups.group`, `columns` and `splits.from`, holes are also the columns of tables: `{COLUMN}` of the rows that
annotate a picture (formats `table`, `run-lengths` and `hugging-face`) or key of its entry (`coco`, `label-studio`: the
task's data, `via`: the attributes of the file), `{NAME.COLUMN}` of a table that
`[read.tables.NAME]` joins. A picture whose group is declared and unknown is rejected.
"""
_NOT_STATED = ("name", "reader", "labels", "read", "broken")
_FIRST = ("format", "images", "annotations")
_HEAD = "## The source\n\nKeys at the top of a declaration. `archives` and `members` are needed only for downloads.\n\n"

_FORMATS = f"""## Keys of each format

A stated key of `[read]` that the format does not use is refused by name. Every format but `pairs` and `frames` uses
{", ".join(f"`{key}`" for key in sorted(EVERY_KEY))}, and those of its row.

| format | keys |
|---|---|
"""


def render_declaration() -> str:
    """Return the reference of all keys of a declaration as Markdown."""
    head = {name: field for name, field in SourceInfo.model_fields.items() if name not in _NOT_STATED}
    parts = {name: kind for name, field in Declaration.model_fields.items() if (kind := model_of(field)) is not None}
    fields = {name: Declaration.model_fields[name] for name in _FIRST} | Declaration.model_fields
    top = {name: field for name, field in fields.items() if name not in parts}
    sections = [_INTRODUCTION, _HEAD + table_of(head), f"## [read]\n\n{table_of(top)}"]
    sections += [
        f"## [read.{name}]\n\n{inspect.getdoc(kind)}\n\n{table_of(kind.model_fields)}" for name, kind in parts.items()
    ]
    sections.append(f"## [read.tables.NAME]\n\n{inspect.getdoc(TableKeys)}\n\n{table_of(TableKeys.model_fields)}")
    named = ", ".join(f"`{name}`" for name in Also.model_fields if name != "format")
    keys = f"`format` is NAME if it is left out; the other keys are those above: {named}."
    sections.append(f"## [read.also.NAME]\n\n{inspect.getdoc(Also)}\n\n{keys}\n")
    return "\n".join([*sections, f"{_FORMATS}{''.join(map(_row, EVERY_FORMAT))}"])


def _row(form: Format) -> str:
    return f"| `{form.name}` | {', '.join(f'`{key}`' for key in sorted(form.keys))} |\n"
