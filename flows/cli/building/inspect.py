"""``medmultipoints inspect``: what a folder or an archive of annotated pictures holds, as a declaration to save."""

import os
import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final

import typer
from rich.markup import escape

from medmultipoints.data_lake.fetch.addresses import is_address
from medmultipoints.data_lake.inspect.open import find_truncated, open_given, read_declaration_file
from medmultipoints.data_lake.inspect.page import render_page
from medmultipoints.flows.cli.console import OUT, print_json, say, table, write_aside, write_page
from medmultipoints.flows.cli.options import HtmlOption, JsonOption
from medmultipoints.flows.recipe.sources import check_info
from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.reporting.hidden import BREAKS
from medmultipoints.transforms.sources.annotated import Hint
from medmultipoints.transforms.sources.declaration.comments import keep_comments
from medmultipoints.transforms.sources.declaration.model import merge_read
from medmultipoints.transforms.sources.declaration.text import write_declaration
from medmultipoints.transforms.sources.inspecting.declared_answers import choice_value, nest_keys
from medmultipoints.transforms.sources.inspecting.inspection import Inspection, inspect_source

_LISTS: Final = ("classes", "absence.certain")
_FURTHER: Final = re.compile(r"^also\.[^.]+\.")
"""Place of the keys of a further reading."""
_TABLES: Final = ("masks.values", "labels", "fields")
_OWN: Final = {"read", "path"}
"""Keys of a given declaration that an inspection writes itself."""

DeclarationOption = Annotated[
    Path | None,
    typer.Option("--declaration", metavar="FILE", help="A saved declaration; its lines are not asked again."),
]
AnswerOption = Annotated[
    list[str] | None, typer.Option("--answer", metavar="KEY=VALUE", help="Answer one open question; repeatable.")
]


def inspect(
    path: Annotated[Path, typer.Argument(help="Folder or archive of pictures and annotations.")],
    name: Annotated[str | None, typer.Option("--as", metavar="NAME", help="Name of the source.")] = None,
    declaration: DeclarationOption = None,
    answer: AnswerOption = None,
    accept: Annotated[bool, typer.Option("--accept", help="Take the likely answer of every open question.")] = False,
    save: Annotated[Path | None, typer.Option("--save", metavar="FILE", help="Write the declaration.")] = None,
    html: HtmlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Recognise a source by content: the declaration, a proof for each line, open questions, what is odd.

    Example: `medmultipoints inspect my-folder --as cells --html cells.html --save cells.toml`
    """
    held = read_declaration_file(declaration) if declaration else {}
    stated = merge_read(held.get("read", {}), nest_keys(dict(map(_answer, answer or ()))))
    source = name or str(held.get("name") or _slug(path))
    check_info(source, {}, f"--as {source}" if name else str(declaration or path))
    with TemporaryDirectory(prefix="medmultipoints-inspect-") as scratch:
        files = open_given(source, path, Path(scratch))
        found = with_licence(inspect_source(files, stated, accept=accept), held)
        found = replace(found, hints=(*found.hints, *find_truncated(files)))
        text = _declaration(held, source, path, found)
        write_aside(html, lambda: render_page(source, found, text, files))
    if save is not None:
        seen_from = Path(path if path.is_absolute() else os.path.relpath(path, save.parent))
        _save(save, _declaration(held, source, seen_from, found), declaration)
    if as_json:
        print_json(plain(found, text))
    else:
        _print(source, found, _declaration(held, source, path, found, ask=False))


def _save(path: Path, text: str, read_from: Path | None) -> None:
    """Write a declaration with the comments of the older one.

    Errors: UsageError if lines of that file would be lost, not having been read from it.
    """
    if path.exists() and not (read_from is not None and path.samefile(read_from)):
        lost = sorted(_lines(read_declaration_file(path)).items() - _lines(tomllib.loads(text)).items())
        if lost:
            remedy = f"Add --declaration {path} to keep them, or choose another name"
            said = f"{', '.join(key for key, _ in lost)} would be lost or changed there"
            raise UsageError(f"--save {path}: {said}. {remedy}.")
    older = path if path.exists() else read_from
    write_page(path, keep_comments(text, older.read_text("utf-8")) if older else text)
    say(f"declaration  {path}")


def _lines(held: Mapping[str, Any], under: str = "") -> dict[str, str]:
    """Return the values of a declaration by dotted key."""
    found: dict[str, str] = {}
    for key, value in held.items():
        found |= _lines(value, f"{under}{key}.") if isinstance(value, Mapping) else {f"{under}{key}": repr(value)}
    return found


def with_licence(found: Inspection, held: Mapping[str, Any]) -> Inspection:
    """Return the inspection with a hint if the declaration has no licence, which no file of a source can prove."""
    if held.get("licence") or found.recognition is None:
        return found
    text = 'give the licence of the source in its declaration, such as licence = "CC-BY-4.0"; a build asks for it'
    return replace(found, hints=(*found.hints, Hint("licence", text)))


def plain(found: Inspection, text: str) -> dict[str, object]:
    """Return the inspection as the one JSON object that ``--json`` prints."""
    return {
        "format": found.read.get("format"),
        "pictures": found.pictures,
        "objects": dict(found.objects),
        "questions": [
            {"key": q.key, "text": q.text, "choices": list(map(_plain_choice, q.choices))} for q in found.questions
        ],
        "hints": [{"key": hint.key, "text": hint.text} for hint in found.hints],
        "declaration": text,
    }


def _plain_choice(choice: str) -> str:
    """Return a choice in the form of ``--answer``: texts without quotes, lists and tables as TOML."""
    value = choice_value(choice)
    return value if isinstance(value, str) else choice


def _answer(given: str) -> tuple[str, Any]:
    """Return key and value of ``KEY=VALUE``; the value is parsed as TOML if it is valid, else kept as text."""
    key, equals, value = given.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"--answer {given}: expected KEY=VALUE, such as boxes.frame=edges")
    return key.strip(), _answer_value(key.strip(), value)


def _answer_value(key: str, text: str) -> Any:
    """Return the value of an answer: TOML; ``a, b`` for lists, ``1=a, 2=b`` for tables; else the text itself."""
    held = choice_value(text)
    if not isinstance(held, str | int) or isinstance(held, bool):
        return held
    key = _FURTHER.sub("", key)
    parts = [part.strip() for part in str(held).split(",")]
    pairs = [part.partition("=")[::2] for part in parts]
    if key in _TABLES and all(left and right for left, right in pairs):
        return {left.strip(): right.strip() for left, right in pairs}
    if key == "classes" and all(left.strip().isdecimal() and right for left, right in pairs):
        named = {int(left): right.strip() for left, right in pairs}
        return [named.get(at, "") for at in range(max(named) + 1)]
    return parts if key in _LISTS else held


def _slug(path: Path) -> str:
    stem = path.resolve().name.split(".")[0].lower()
    name = re.sub(r"[^a-z0-9]", "_", stem).strip("_")
    return name if name[:1].isalpha() else f"source_{name}".rstrip("_")


def _declaration(held: dict[str, Any], source: str, path: Path, found: Inspection, *, ask: bool = True) -> str:
    head = {"name": source, "path": str(path)} | {key: value for key, value in held.items() if key not in _OWN}
    if is_address(str(held.get("path", ""))):
        head["path"] = held["path"]
    guessed = {*held.get("guessed", ()), *(f"read.{key}" for key in found.guessed)}
    if guessed:
        head["guessed"] = sorted(guessed)
    proofs = found.recognition.proofs if found.recognition else ()
    return write_declaration(head, found.read, proofs, found.questions if ask else (), found.guessed)


def _print(source: str, found: Inspection, text: str) -> None:
    OUT.print(text, markup=False, end="")
    table(
        f"{source}: {plural(found.pictures, 'picture')}",
        ["label", "objects"],
        [[label, f"{count:,}"] for label, count in found.objects.items()],
    )
    for question in found.questions:
        choices = f" [{', '.join(map(_plain_choice, question.choices))}]" if question.choices else ""
        text = (question.text + choices).translate(BREAKS)
        OUT.print(f"[bold yellow]open[/]  {escape(question.key)}: {escape(text)}")
        example = _plain_choice((question.choices or ('"…"',))[0])
        OUT.print(f"      [dim]--answer {escape(question.key)}={escape(shlex.quote(example))}[/]")
    for hint in found.hints:
        OUT.print(f"[bold]hint[/]  {escape(hint.key)}: {escape(hint.text.translate(BREAKS))}")
