"""Rules over whole tables; each returns whether it holds and a detail, for ``check_table_rules``."""

from collections.abc import Iterator

import polars as pl

from medmultipoints.transforms.columns.ranges import key_parts
from medmultipoints.transforms.reporting.counted import first_few

Answer = tuple[bool, str]
Rows = pl.DataFrame | pl.LazyFrame
"""A table in memory or stored; only the needed column of a stored table is read."""


def repeated(frame: Rows, column: str) -> pl.Series:
    """Return the values of a column that occur more than once, sorted."""
    return pl.concat([_copies(part) for part in _sorted_parts(frame, column)]).sort().alias(column)


def _sorted_parts(frame: Rows, column: str) -> Iterator[pl.Series]:
    """Yield all values of a column, read once, in sorted parts; equal values are in one part."""
    values = frame.lazy().select(key=column)
    for own in key_parts(values.select(pl.len()).collect(engine="streaming").item()):
        yield values.filter(own).collect(engine="streaming").to_series().sort()


def _copies(part: pl.Series) -> pl.Series:
    return part.filter(part == part.shift(1)).unique()


def keys_unique(frame: Rows, column: str) -> Answer:
    """Return whether all values of the column are unique and not null, with the violations."""
    rows, nulls, found = 0, 0, []
    for part in _sorted_parts(frame, column):
        rows, nulls = rows + part.len(), nulls + part.null_count()
        found.append(_copies(part))
    copies = pl.concat(found).sort().cast(pl.String).to_list()
    if not copies and not nulls:
        return True, f"{rows} values of {column}, all different"
    problems = [f"{nulls} values of {column} are null"] if nulls else []
    problems += [f"{len(copies)} values of {column} occur more than once: {first_few(copies)}"] if copies else []
    return False, "; ".join(problems)


def references_hold(child: Rows, column: str, parent: Rows, parent_column: str) -> Answer:
    """Return whether each value of the child's column occurs in the parent's, with the missing values.

    Nulls are ignored.
    """
    given, known = child.lazy().select(key=column).drop_nulls(), parent.lazy().select(key=parent_column)
    lost, found = list[str](), 0
    for own in key_parts(given.select(pl.len()).collect(engine="streaming").item()):
        values = given.filter(own).unique().collect(engine="streaming")
        missing = values.lazy().join(known.filter(own), on="key", how="anti").collect(engine="streaming")
        lost += missing.to_series().cast(pl.String).to_list()
        found += values.height
    lost.sort()
    if lost:
        return False, f"{len(lost)} values of {column} have no row with that {parent_column}: {first_few(lost)}"
    return True, f"{found} values of {column} all occur in {parent_column}"


def accounting_holds(inputs: int, used: int, dropped: int, rejected: int) -> Answer:
    """Return whether the used, dropped and rejected inputs add up to all inputs."""
    total = used + dropped + rejected
    holds = inputs == total and min(used, dropped, rejected) >= 0
    return holds, f"{inputs} in {'=' if holds else '!='} {used} used + {dropped} dropped + {rejected} rejected"
