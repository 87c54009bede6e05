"""Write a declaration as TOML, with proofs and open questions as comments."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from medmultipoints.transforms.sources.annotated import Proof, Question

_BARE: Final = re.compile(r"^[A-Za-z0-9_-]+$")
_FEW: Final = 4


def write_declaration(
    head: Mapping[str, Any],
    read: Mapping[str, Any],
    proofs: Sequence[Proof] = (),
    questions: Sequence[Question] = (),
    guessed: Sequence[str] = (),
) -> str:
    """Return the text of a declaration: ``head`` (name, path, licence), then ``[read]``.

    Comments hold the proof of each line, and the possible answers to each open question.
    """
    said = {proof.key: proof.text for proof in proofs} | dict.fromkeys(guessed, "guess accepted with --accept")
    lines = [f"{key} = {toml_value(value)}" for key, value in head.items()]
    lines += ["", "[read]", *_table(read, "", said)]
    for question in questions:
        lines += ["", *_open(question)]
    return "\n".join(lines) + "\n"


def _table(values: Mapping[str, Any], prefix: str, said: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of a table: plain values first, then nested tables with their headings."""
    tables = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value and _is_table(prefix, key, value):
            tables[key] = value
            continue
        proof = said.get(f"{prefix}{key}")
        yield f"{toml_key(key)} = {toml_value(value)}" + (f"  # {_one_line(proof)}" if proof else "")
    for key, value in tables.items():
        if f"{prefix}{key}" != "also":
            yield from ("", f"[read.{prefix}{toml_key(key)}]")
        if f"{prefix}{key}" in said:
            yield f"# {_one_line(said[f'{prefix}{key}'])}"
        yield from _table(value, f"{prefix}{key}.", said)


def _is_table(prefix: str, key: str, value: Mapping[str, Any]) -> bool:
    """Return whether a value has its own heading: at the top, of a further reading, and if it is long."""
    also, depth = prefix.startswith("also."), prefix.count(".")
    return (not prefix or also or len(value) > _FEW) and depth < (3 if also else 2) and bool(_BARE.match(key))


def _open(question: Question) -> Iterator[str]:
    yield f"# open: {_one_line(question.text)}"
    choices = question.choices or ('"…"',)
    *tables, key = question.key.split(".")
    table = ".".join(("read", *tables))
    for choice in choices:
        yield f"#   {toml_key(key)} = {choice}        in [{table}]"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def toml_key(key: str) -> str:
    """Return a TOML key, quoted if necessary."""
    return key if _BARE.match(key) else toml_value(key)


def toml_value(value: Any) -> str:
    """Return a value as one line of TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{toml_key(str(key))} = {toml_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    return _text(str(value))


def _text(text: str) -> str:
    escaped = json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
    return re.sub(r"[\ud800-\udfff]", lambda _: "\ufffd", escaped)
