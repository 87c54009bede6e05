"""Add and remove tables of a TOML file as text; the rest of the file keeps its bytes.

Entries are sorted, so that git merges them well; comments stay with the table below them.
"""

import itertools
import json
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

Table = Mapping[str, Any]
HEADER: Final = re.compile(r"^\[\[?\s*[A-Za-z0-9_.\"'-]+\s*\]\]?[^\n]*$", re.MULTILINE)


class TomlChangeError(ValueError):
    """The text cannot be changed safely; the message says why."""


def add_table(text: str, name: str, table: Table, key: Callable[[Table], Any]) -> str:
    """Return the text with one more ``[[name]]``, before the first one with a larger ``key``, otherwise at the end.

    Raise ValueError if the text is not TOML.
    """
    before = tomllib.loads(text)
    block = table_text(name, table)
    wanted = sorted_tables([*before.get(name, []), _only(block, name)])
    blocks = split_blocks(text)
    places = [place for place, one in enumerate(blocks) if _holds(one, name)]
    later = [place for place in places if key(_only(blocks[place], name)) > key(table)]
    place = later[0] if later else places[-1] + 1 if places else len(blocks)
    for changed in (_join([*blocks[:place], block, *blocks[place:]]), _join([text, block])):
        if _reads_as(changed, before, name, wanted):
            return changed
    raise TomlChangeError(f"[[{name}]] cannot be added")


def remove_table(text: str, name: str, table: Table) -> str:
    """Return the text without the ``[[name]]`` equal to ``table``; raise TomlChangeError if none is equal."""
    before = tomllib.loads(text)
    blocks = split_blocks(text)
    for place, one in enumerate(blocks):
        if _holds(one, name) and _only(one, name) == table:
            rest = list(before.get(name, []))
            rest.remove(table)
            changed = _join([*blocks[:place], *blocks[place + 1 :]])
            if _reads_as(changed, before, name, sorted_tables(rest)):
                return changed
    raise TomlChangeError(f"the file has no such [[{name}]]")


def table_text(name: str, table: Table) -> str:
    """Return a table as TOML with its keys in the given order; lists of lists and of texts have one item per line."""
    lines = [f"[[{name}]]", *(f"{key} = {_value(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def split_blocks(text: str) -> list[str]:
    """Return the text split at table headers, with the comments directly above them."""
    starts = []
    for found in HEADER.finditer(text):
        start = found.start()
        while start and text.startswith("#", above := text.rfind("\n", 0, start - 1) + 1):
            start = above
        starts.append(start)
    cuts = sorted({0, *starts, len(text)})
    blocks: list[str] = []
    open_text = ""
    for first, after in itertools.pairwise(cuts):  # a header inside a multi-line string does not count
        open_text += text[first:after]
        if _block(open_text) is not None:
            blocks.append(open_text)
            open_text = ""
    return [*blocks, open_text] if open_text else blocks


def sorted_tables(tables: Sequence[Table]) -> list[str]:
    """Return the tables as sorted texts, for comparison."""
    return sorted(json.dumps(table, sort_keys=True, default=str) for table in tables)


def _value(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list | tuple):
        items = [_value(one) for one in value]
        if value and isinstance(value[0], list | tuple | str) and len(value) > 1:
            return "[\n" + "".join(f"  {item},\n" for item in items) + "]"
        return f"[{', '.join(items)}]"
    return str(value)


def _holds(block: str, name: str) -> bool:
    return _only(block, name) is not None


def _only(block: str, name: str) -> Any:
    """Return the single table of that name in a block; None if it has another or is not TOML by itself."""
    found = _block(block) or {}
    tables = found.get(name)
    return tables[0] if isinstance(tables, list) and len(tables) == len(found) == 1 else None


@lru_cache(maxsize=8192)
def _block(text: str) -> Mapping[str, Any] | None:
    """Return the data of a block, cached; None if it is not TOML."""
    return tomllib.loads(text) if _is_toml(text) else None


def _is_toml(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _join(blocks: Sequence[str]) -> str:
    """Return the blocks separated by empty lines."""
    kept = [block.strip("\n") for block in blocks]
    return "\n\n".join(block for block in kept if block.strip()) + "\n" if any(kept) else ""


def _reads_as(text: str, before: Mapping[str, Any], name: str, wanted: list[str]) -> bool:
    """Return whether the text has the data of ``before``, with the wanted tables of that name."""
    now = tomllib.loads(text) if _is_toml(text) else {}
    others = {key: value for key, value in before.items() if key != name}
    return {key: value for key, value in now.items() if key != name} == others and sorted_tables(
        now.get(name, [])
    ) == wanted
