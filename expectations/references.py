"""Rules over whole tables: whether each holds, and the numbers behind it, for ``check_table_rules``."""

import polars as pl

from expectations.verdicts import first_few

Answer = tuple[bool, str]


def keys_unique(frame: pl.DataFrame, column: str) -> Answer:
    """Whether no value of the column is null or occurs twice, and the values that do."""
    keys = frame.get_column(column)
    copies = keys.filter(keys.is_duplicated() & keys.is_not_null()).unique().sort().cast(pl.String).to_list()
    if not copies and not keys.null_count():
        return True, f"{keys.len()} values of {column}, all different"
    found = [f"{keys.null_count()} values of {column} are null"] if keys.null_count() else []
    found += [f"{len(copies)} values of {column} occur more than once: {first_few(copies)}"] if copies else []
    return False, "; ".join(found)


def references_hold(child: pl.DataFrame, column: str, parent: pl.DataFrame, parent_column: str) -> Answer:
    """Whether each value of the child's column occurs in the parent's, and those that do not. Null refers to none."""
    given = child.select(pl.col(column).alias("key")).drop_nulls().unique()
    known = parent.select(pl.col(parent_column).alias("key"))
    lost = given.join(known, on="key", how="anti").to_series().sort().cast(pl.String).to_list()
    if lost:
        return False, f"{len(lost)} values of {column} have no row with that {parent_column}: {first_few(lost)}"
    return True, f"{given.height} values of {column} all occur in {parent_column}"


def accounting_holds(inputs: int, used: int, dropped: int, rejected: int) -> Answer:
    """Whether each input is counted as used, dropped or rejected, once."""
    total = used + dropped + rejected
    holds = inputs == total and min(used, dropped, rejected) >= 0
    return holds, f"{inputs} in {'=' if holds else '!='} {used} used + {dropped} dropped + {rejected} rejected"
