"""Check every answer: parse its text and derive it again, independently of the code that wrote it."""

import re
from collections.abc import Collection, Mapping
from functools import lru_cache

import polars as pl

from medmultipoints.transforms.columns.tables import empty_frame, load_table
from medmultipoints.transforms.instructions.answers.published import PUBLISHED
from medmultipoints.transforms.instructions.naming.lexicon import Lexicon
from medmultipoints.transforms.instructions.naming.names import Names, labels_present
from medmultipoints.transforms.instructions.own_words import own_words
from medmultipoints.transforms.instructions.proofs.reading import Mentions
from medmultipoints.transforms.instructions.proofs.rows import prove_rows
from medmultipoints.transforms.instructions.task_names import TASK_NAMES


def check_instructions(
    instructions: pl.DataFrame,
    records: pl.DataFrame,
    images: pl.DataFrame,
    names: Names,
    *,
    policy: str,
    other_labels: Mapping[str, Collection[str]] | None = None,
    objects: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return instruction_id, ok and reason (empty if ok) of each instruction, in the given order.

    An instruction is ok if its answer follows from its record and the objects of its images, its prompt asks for the
    answer with names that the classes may have in these images, and its other columns match its image. Columns beyond
    those of ``read_jsonl`` are compared if present. Without ``objects``, only rows of published tasks can be ok.
    """
    lexicon = Lexicon(names, policy, labels_present(records, other_labels))
    mentions = _mentions(names)
    rows, others = instructions.with_row_index("row"), TASK_NAMES[len(PUBLISHED) :]
    if objects is None:
        rows = rows.filter(~pl.col("task").is_in(others))
    if objects is None or not rows["task"].is_in(others).any():
        objects = empty_frame(load_table("objects"))
    reasons = dict(prove_rows(rows, records, objects, images, lexicon, mentions))
    ordered = pl.Series(
        "reason", [reasons.get(row, "not_proved") for row in range(instructions.height)], dtype=pl.String
    )
    return instructions.select("instruction_id", ok=ordered == "", reason=ordered)


def _mentions(names: Names) -> Mentions:
    """Return the finder of the forms of names in a text, the longest at each position, in any case of letters."""
    singular = {form.casefold(): name.singular for name in names.forms for form in (name.plural, name.singular)}
    longest_first = sorted(singular, key=lambda form: (-len(form), form))
    pattern = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, longest_first)) + r")(?!\w)")

    @lru_cache(maxsize=10_000)
    def find(text: str) -> frozenset[str]:
        return frozenset(singular[found] for found in pattern.findall(text.casefold()))

    numbers = {name.singular for name in names.forms if name.singular.isdigit()}
    return Mentions(find, find(own_words()) | numbers)
