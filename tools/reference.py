"""Generate all pages from the code: command line, Python API, recipe, declaration, formats, prefect.yaml."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from medmultipoints.flows.cli.app import COMMANDS, load
from tools.api_page import render_api
from tools.declaration_page import render_declaration
from tools.formats_page import render_examples, render_formats
from tools.prefect_yaml import render_prefect_yaml
from tools.reasons_page import render_reasons
from tools.recipe_reference import render_recipe

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
FORMATS = ROOT / "docs" / "formats.md"
PROGRAM = "medmultipoints"

_INTRODUCTION = """# Command line

Generated from the command line itself by `make docs`; do not edit.

Results go to standard output, everything else to standard error. With `--json` standard output is one JSON object.
`medmultipoints --install-completion` teaches the shell to complete commands and options.

| exit code | meaning |
|---:|---|
| 0 | done; rows may be in quarantine |
| 1 | no release because of the data, or a release that fails its check |
| 2 | wrong arguments or recipe |
| 3 | the environment: disk, network, a lock that is held |
| 130 | interrupted |
"""


def all_commands() -> list[tuple[str, Any]]:
    """Return every command with its full name, in help order, including the commands of groups."""
    return [found for name in COMMANDS for found in _walk(f"{PROGRAM} {name}", load(name))]


def render_cli() -> str:
    """Return the reference of all commands as Markdown."""
    sections = (_section(name, command) for name, command in all_commands())
    return "\n".join([_INTRODUCTION, render_commands(), *sections])


def render_commands() -> str:
    """Return the table of all commands with the first sentence of their help and a link to their section."""
    rows = [
        f"| [`{name.removeprefix(PROGRAM + ' ')}`](#{_anchor(name)}) | {_first_sentence(command.help)} |\n"
        for name, command in all_commands()
    ]
    return "| command | what it does |\n|---|---|\n" + "".join(rows)


def replace_between(page: str, begin: str, end: str, text: str) -> str:
    """Return the page with the text between its two marks replaced."""
    before, rest = page.split(begin)
    return before + begin + text + end + rest.split(end, 1)[1]


def pages() -> dict[Path, str]:
    """Return the text of every generated page by path."""
    return {
        ROOT / "docs" / "cli.md": render_cli(),
        ROOT / "docs" / "reasons.md": render_reasons(),
        ROOT / "docs" / "api.md": render_api(),
        ROOT / "docs" / "recipe.md": render_recipe(),
        ROOT / "docs" / "declaration.md": render_declaration(),
        ROOT / "docs" / "format-examples.md": render_examples(),
        FORMATS: replace_between(FORMATS.read_text("utf-8"), "<!-- formats -->\n", "<!-- end -->", render_formats()),
        ROOT / "prefect.yaml": render_prefect_yaml(),
    }


def _walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield name, command
        return
    for child, found in children.items():
        yield from _walk(f"{name} {child}", found)


def _section(name: str, command: Any) -> str:
    rows = "".join(_row(parameter) for parameter in command.params)
    usage = " ".join([name, *(_argument(found) for found in command.params if not _is_option(found)), "[OPTIONS]"])
    return (
        f"## {name}\n\n{_text(command.help)}\n\n```\n{usage}\n```\n\n"
        f"| argument or option | default | meaning |\n|---|---|---|\n{rows}"
    )


def _row(parameter: Any) -> str:
    notes = f" Environment: `{parameter.envvar}`." if parameter.envvar else ""
    cells = (_name(parameter), _default(parameter), f"{parameter.help}{notes}")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _name(parameter: Any) -> str:
    if not _is_option(parameter):
        return f"`{_argument(parameter)}`"
    value = "" if getattr(parameter, "is_flag", False) else f" {parameter.metavar or parameter.name.upper()}"
    return f"`{', '.join(parameter.opts)}{value}`"


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    return "" if parameter.default in (None, "", False) else f"`{parameter.default}`"


def _argument(parameter: Any) -> str:
    name = parameter.name.upper() + ("..." if parameter.nargs != 1 else "")
    return name if parameter.required else f"[{name}]"


def _is_option(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "option")


def _text(help_text: str) -> str:
    """Return the help as Markdown, with command lines as code."""
    return re.sub(rf"^( *){PROGRAM} .*$", lambda found: f"    {found[0].strip()}", help_text, flags=re.MULTILINE)


def _first_sentence(help_text: str) -> str:
    return re.split(r"(?<=\.)\s", " ".join(help_text.split()))[0]


def _anchor(name: str) -> str:
    return name.replace(" ", "-")


def main() -> None:
    """Write every generated page."""
    for path, text in pages().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
