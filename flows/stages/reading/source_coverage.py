"""Check that every selected source yields something, so that no source is lost silently."""

from collections import Counter
from collections.abc import Iterable, Sequence

import polars as pl

from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.transforms.errors import SourceDataError
from medmultipoints.transforms.reporting.counted import first_few
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.reading.listing import matching

UNCLEAR_VALUES = frozenset(
    {"mask_below_threshold", "mask_values_undeclared", "mask_values_merged", "mask_colours_undeclared"}
)

OTHER_FRAME = frozenset({"orientation_tag", "size_mismatch", "frame_size_differs", "geometry_differs"})
"""Reasons of pictures that are there, but not in the frame of their annotations."""


def require_every_source(recipe: Recipe, given: pl.LazyFrame, made: pl.LazyFrame, exclusions: pl.LazyFrame) -> None:
    """Raise SourceDataError, with the most frequent reason, if no image of a source in ``given`` is in ``made``.

    Both tables have the column ``sample_id``; ``exclusions`` is the stage's own table. A recipe that leaves broken
    sources out needs one source.
    """
    kept = _sources(made)
    lost = set() if kept and recipe.validation.broken_sources == "leave-out" else _sources(given) - kept
    for source in sorted(lost):
        rows = exclusions.filter(pl.col("source") == source).sort("key").collect()
        found = nothing_usable(source, rows.select("verdict", "reason", "key", "detail").rows())
        raise SourceDataError(source, found.file, found.problem, found.remedy)


def _sources(table: pl.LazyFrame) -> set[str]:
    of_source = pl.col("sample_id").str.split("/").list.first()
    return set(table.select(of_source.unique()).collect(engine="streaming").to_series())


def _remedy(source: str, reasons: set[str]) -> str:
    """Return the remedy if every input was excluded for these reasons; existing files are not called missing."""
    other = f"Leave the source out with --only, without {source}."
    if reasons == {"label_not_selected"}:
        return f'Add the labels of {source} to names in [labels], or write others = "keep" there. {other}'
    if reasons <= UNCLEAR_VALUES:
        return f"Nothing is missing: say in the recipe what the values of the masks mean, as above. {other}"
    if reasons == {"frames_not_decoded"}:
        return f"Then build again, or leave the source out with --only, without {source}."
    if reasons == {"licence_unlisted"}:
        return f"Correct the licences in the data, or give one in [sources.{source}.read.licences]. {other}"
    if reasons == {"objects_in_quarantine"}:
        return f"Correct the annotations that were rejected. {other}"
    if any(reason.startswith("mask_") or reason in OTHER_FRAME for reason in reasons):
        return f"Correct the files, or say in the recipe how they are to be read. {other}"
    return f"Give what is missing with --source {source}=PATH, or leave it out with --only."


def require_matches(source: str, declaration: Declaration, names: Sequence[str]) -> None:
    """Raise SourceDataError for a declared pattern of pictures or annotations that no file matches."""
    for key, patterns in (("images", declaration.images), ("annotations", declaration.annotations)):
        if patterns and names and not matching(names, patterns):
            said = f"no file matches {' or '.join(map(repr, patterns))}; there are {first_few(names, 3)}"
            raise SourceDataError(source, f"[read] {key}", said, "Correct the pattern, or leave it out.")


def nothing_usable(source: str, excluded: Iterable[tuple[str, str, str, str]]) -> SourceDataError:
    """Return the error of a source without a usable sample, from verdict, reason, key and detail of its inputs.

    It names the most frequent reason of a rejection, or of a drop by the recipe if nothing was rejected.
    """
    rows = list(excluded)
    rows = [row for row in rows if row[0] == "rejected"] or rows
    problem = "no usable sample"
    if rows:
        ((reason, times),) = Counter(row[1] for row in rows).most_common(1)
        key, detail = next(row[2:] for row in rows if row[1] == reason)
        problem += f": {times} times {reason}, for example {key}: {detail}"
    remedy = _remedy(source, {row[1] for row in rows})
    return SourceDataError(source, "all files", problem, remedy)
