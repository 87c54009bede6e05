"""Generate docs/api.md: the public names of ``medmultipoints`` with signature, docstring and example."""

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Any, Final

import medmultipoints as mm

_INTRODUCTION: Final = """# Python API

Generated from the docstrings by `make docs`; do not edit. Import these names from `medmultipoints`; its submodules may
change without notice. A test runs every example.
"""
WIDTH: Final = 100
_SEPARATOR: Final = re.compile(r", (?=\*, |\w+: )|(?<=\*), ")
_DEFAULT: Final = re.compile(r"=([^,=]+)(?=,|$)")
_BREAK: Final = ",\n    "
_GROUPS: Final = {
    "Releases": ("build", "show", "load", "verify", "diff", "export", "publish", "Release", "Recipe"),
    "Readers of other sources": (
        "open_source",
        "Members",
        "Sample",
        "Exclusion",
        "Indexed",
        "assemble",
        "check_members",
        "drop_foreign",
        "exclude",
        "split_paths",
        "Problem",
    ),
    "Errors": ("PipelineError", "UsageError", "DataError", "SourceDataError", "MachineError", "MemberProblem"),
}


def render_api() -> str:
    """Return the page; raise ValueError if a public name is in no group."""
    listed = [name for names in _GROUPS.values() for name in names]
    if sorted(listed) != sorted(mm.__all__):
        raise ValueError(f"in no group, or in two: {sorted(set(mm.__all__) ^ set(listed))}")
    groups = ("\n".join([f"## {title}\n", *map(_section, names)]) for title, names in _GROUPS.items())
    return "\n".join([_INTRODUCTION, *groups])


def _section(name: str) -> str:
    found = getattr(mm, name)
    parts = [f"### {name}\n", *_signature(found), *_paragraphs(found)]
    for method in _methods(found) if inspect.isclass(found) else ():
        parts += [*_signature(method), *_paragraphs(method)]
    return "\n".join(parts)


def _methods(found: type) -> Iterator[Any]:
    """Yield the documented public methods of a class; class methods as plain functions."""
    for name, value in vars(found).items():
        method = getattr(value, "__func__", value)
        if not name.startswith("_") and inspect.isfunction(method) and inspect.getdoc(method):
            yield method


def _signature(found: Any) -> Iterator[str]:
    """Yield the signature of a function or the fields of a dataclass; nothing for other classes."""
    if inspect.isclass(found) and not is_dataclass(found):
        return
    (node,) = ast.parse(inspect.cleandoc("\n" + inspect.getsource(found))).body
    if isinstance(node, ast.FunctionDef):
        arguments = _DEFAULT.sub(r" = \1", ast.unparse(node.args))
        line = f"{node.name}({arguments}) -> {ast.unparse(node.returns or ast.Constant(None))}"
        if len(line) > WIDTH:
            line = line.replace(f"({arguments})", f"(\n    {_SEPARATOR.sub(_BREAK, arguments)},\n)")
    else:
        fields = (ast.unparse(part) for part in getattr(node, "body", ()) if isinstance(part, ast.AnnAssign))
        line = "\n".join(fields)
    yield f"```python\n{line}\n```\n".replace("'", '"')


def _paragraphs(found: Any) -> Iterator[str]:
    """Yield the docstring as Markdown, with arguments as a list and the example as code."""
    text = (inspect.getdoc(found) or "").replace("``", "`")
    before, _, example = text.partition("\nExample:\n")
    lead, _, arguments = before.partition("\nArgs:\n")
    yield f"{lead.strip()}\n"
    if arguments:
        yield "".join(f"- `{key}`: {rest}\n" for key, rest in re.findall(r"^    (\w+): (.*)$", arguments, re.MULTILINE))
    if example:
        yield f"```python\n{inspect.cleandoc(example)}\n```\n"
