"""Facts of pictures in columns of their rows: those that a declaration names, and columns that may name patients."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from medmultipoints.transforms.reporting.counted import first_few, plural
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.declaration.parts import EACH_PICTURE
from medmultipoints.transforms.sources.declaration.patterns import template_holes
from medmultipoints.transforms.sources.reading.proposing import Draft
from medmultipoints.transforms.sources.reading.records.table_columns import Row, is_empty, names_groups
from medmultipoints.transforms.sources.reading.stated_sizes import SIZE_NAMES


def row_facts(declaration: Declaration, rows: Iterable[Row]) -> dict[str, str]:
    """Return the value of each column that a declaration names, empty if the rows of the picture have several."""
    found: dict[str, set[str]] = {}
    for row in rows if declaration.row_holes else ():
        for column in declaration.row_holes & row.keys():
            found.setdefault(column, set()).add("" if is_empty(row[column]) else row[column])
    return {column: values.pop() if len(values) == 1 else "" for column, values in found.items()}


def entry_facts(entry: Any, other: Collection[str] = ()) -> dict[str, str]:
    """Return the texts and numbers that an entry of JSON gives about its picture, without the keys ``other``."""
    held = entry.items() if isinstance(entry, dict) else ()
    return {key: str(value) for key, value in held if key not in other and isinstance(value, str | int | float)}


def weigh_columns(draft: Draft, rows: Mapping[str, Row], used: Collection[str] = (), more: Sequence[str] = ()) -> None:
    """Ask for ``groups.group`` by the columns of rows, and add a hint with those that no key names.

    ``rows``: a row of each picture. ``used``: columns that the format reads. ``more``: unread keys of objects.
    """
    ask_row_groups(draft, rows)
    known = {name.casefold() for name in (*used, *SIZE_NAMES, *_named(draft))}
    columns = [column for picture, row in rows.items() for column, text in row.items() if text != picture]
    rest = [column for column in dict.fromkeys(columns) if column.casefold() not in known]
    said = []
    if rest:
        key = f'[read.columns], such as modality = "{{{rest[0]}}}", groups.group or splits.from can name them'
        said.append(f"columns not used: {first_few(rest, 12)}; {key}")
    if more:
        said.append(f"keys of annotations not read: {first_few(more, 12)}")
    if said:
        draft.hint("columns_not_used", "; ".join(said))


def _named(draft: Draft) -> set[str]:
    """Return the columns that the keys of a declaration for facts of pictures name."""
    stated = draft.states("columns")
    texts = [draft.likely("groups.group"), draft.states("splits.from")]
    texts += stated.values() if isinstance(stated, Mapping) else ()
    return {hole for text in texts if isinstance(text, str) for hole in (text, *template_holes(text))}


def ask_row_groups(draft: Draft, rows: Mapping[str, Row], table: str = "") -> bool:
    """Ask for ``groups.group`` if a column named like one of patients has one value for most pictures with another.

    ``rows``: a row of each picture. ``table``: what precedes a column in a hole. Return whether it is asked.
    """
    columns = [column for column in dict.fromkeys(key for row in rows.values() for key in row) if names_groups(column)]
    found = {column: _shared(row.get(column, "") for row in rows.values()) for column in columns}
    held = [column for column, times in found.items() if times]
    if held:
        templates = [f"{{{table}{column}}}" for column in held]
        ask_group(draft, f"The column {held[0]}", found[held[0]], len(rows), templates)
    return bool(held)


def ask_group(draft: Draft, what: str, times: Counter[str], pictures: int, templates: Sequence[str]) -> None:
    """Ask for ``groups.group`` among templates; ``times``: occurrences of each value of the first, called ``what``."""
    example, count = times.most_common(1)[0]
    said = f"{what} has {plural(len(times), 'value')} in {plural(pictures, 'picture')} ({example}: {count})"
    text = f"{said}: which pictures must stay in one split, such as those of a patient? {EACH_PICTURE}: each alone."
    draft.ask("groups.group", text, [*templates, EACH_PICTURE], templates[0])


def _shared(values: Iterable[str]) -> Counter[str]:
    """Return how often each value occurs if most pictures share theirs with another, but not all with all."""
    times = Counter(value for value in values if not is_empty(value))
    shared = sum(count for count in times.values() if count > 1)
    return times if len(times) > 1 and shared * 2 > times.total() else Counter()
