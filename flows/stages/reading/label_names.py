"""Check the labels of all sources together: labels that questions cannot distinguish stop a build by name."""

import json
from collections.abc import Iterable, Mapping

import polars as pl

from medmultipoints.data_lake.prompts.object_names import load_names
from medmultipoints.flows.engine.stage import Build, Inputs
from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.instructions.naming.alike_labels import find_alike
from medmultipoints.transforms.instructions.naming.names import MARKS
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.reporting.hidden import UNNAMEABLE
from medmultipoints.transforms.sources.builtin import BUILT_IN
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.declaration.text import toml_value
from medmultipoints.transforms.sources.declared import name_unknown

SCHEMA = {"source": pl.String, "label": pl.String, "places": pl.Int64}


def check_labels(build: Build, inputs: Inputs) -> None:
    """Raise UsageError for labels of the recipe that no source has, and for labels that no question distinguishes."""
    brought = brought_labels(build, inputs)
    _refuse_misspelt(build, brought)
    names, keep = build.recipe.labels.names, build.recipe.labels.others == "keep"
    released = {label: names.get(label, label if keep else "") for label in brought["label"].unique()}
    rows = brought.with_columns(released=pl.col("label").replace_strict(released)).filter(pl.col("released") != "")
    _refuse_unprintable(build, rows)
    theirs = rows.filter(pl.col("source").is_in(BUILT_IN))["released"]
    known = load_names(own=set(rows["released"]) - set(theirs))
    alike = find_alike(known, rows["released"], build.recipe.plurals)
    if alike:
        raise UsageError(_sentence(build, rows, alike))


def check_ontology(build: Build, found: pl.LazyFrame, possible: pl.DataFrame | None = None) -> None:
    """Check that each source's ontology has its labels; UsageError lists the missing ones and the lines to add.

    ``found`` has the columns source and label: annotations before pixels are read, then the objects that were found.
    ``possible``: labels that masks may have, named in the same message, but not a reason for it.
    """
    own = [source.info for source in build.sources if source.info.is_declared and not source.info.broken]
    declared = {info.name: info.declaration for info in own if info.declaration.known}
    counts = found.filter(pl.col("source").is_in([*declared])).group_by("source", "label").len("places").collect()
    lines: dict[str, list[str]] = {}
    for source, label, places in counts.sort("source", "label").iter_rows():
        if label not in declared[source].known:
            lines.setdefault(source, []).extend(
                f'    {toml_value(key)} = "…"   # or {{ ignore = "why" }}; in {plural(places, "place")}'
                for key in _stated_keys(declared[source], label)
            )
    if lines:
        _add_possible(lines, declared, possible)
        tables = "\n".join(f"    [sources.{name}.read.labels]\n" + "\n".join(own) for name, own in lines.items())
        by_ontology = all({*declared[name].known} == {*build.recipe.ontology} for name in lines)
        where, what = ("the ontology", "names or synonyms") if by_ontology else ("known", "them")
        raise UsageError(
            f"{where} lacks {plural(sum(map(len, lines.values())), 'label')} of {', '.join(lines)}. Add {what} "
            f"there, or answer in the recipe:\n{tables}"
        )


def _add_possible(
    lines: dict[str, list[str]], declared: Mapping[str, Declaration], possible: pl.DataFrame | None
) -> None:
    """Add the labels of masks that the ontology lacks, so that they are not asked only after all masks are read."""
    for source, label in possible.select("source", "label").rows() if possible is not None else ():
        if source not in declared or label in declared[source].known:
            continue
        for key in _stated_keys(declared[source], label):
            line = f"    {toml_value(key)} = "
            if not any(known.startswith(line) for known in lines.get(source, ())):
                lines.setdefault(source, []).append(f'{line}"…"   # or {{ ignore = "why" }}; if it occurs in a mask')


def _refuse_misspelt(build: Build, brought: pl.DataFrame) -> None:
    """Raise UsageError for labels of the recipe that no source has, if all of its sources are given."""
    if build.request.only or any(source.info.broken for source in build.sources):
        return
    corrections = build.recipe.corrections
    there = {*brought["label"], *(entry.label for entry in corrections.entries if entry.label is not None)}
    wrong = {"labels.names": [label for label in build.recipe.labels.names if label not in there]}
    for source in build.sources:
        own = source.info.declaration if source.info.is_declared else None
        if own is None:
            continue
        valid = there | set(own.known)
        certain = {label: own.release_label(label) for label in own.absence.certain}
        absent = [label for label, released in certain.items() if released not in valid]
        wrong[f"sources.{source.name}.read.absence.certain"] = absent
        parts = {*own.hierarchy, *(part for parts in own.hierarchy.values() for part in parts)}
        wrong[f"sources.{source.name}.read.hierarchy"] = sorted(parts - valid)
    said = [f"{key}: {name_unknown(labels, there)}" for key, labels in wrong.items() if labels]
    if said:
        raise UsageError("\n".join(said))


def _refuse_unprintable(build: Build, rows: pl.DataFrame) -> None:
    """Raise UsageError for labels with hidden characters, or with marks that have a meaning in prompts."""
    labels = rows.select("source", "label", "released").rows()
    wrong = [row for row in labels if UNNAMEABLE & {*row[2]} or MARKS.search(row[2])]
    lines: dict[str, list[str]] = {}
    for source, label, _ in wrong:
        table, keys = _keys(build, source, label)
        lines.setdefault(f"    [{table}]", []).extend(f'    {json.dumps(key)} = "…"' for key in keys)
    if wrong:
        answers = [line for table, added in sorted(lines.items()) for line in (table, *dict.fromkeys(added))]
        raise UsageError(
            f"{plural(len(wrong), 'label')} with line breaks, hidden characters or marks of prompts (such as {{name}}, "
            "<image>): give other names in the recipe:\n" + "\n".join(answers)
        )


def brought_labels(build: Build, inputs: Inputs) -> pl.DataFrame:
    """Return source, label and number of places with the label; 0 if only the source's reader names it."""
    annotations = inputs.scan("annotations").group_by("source", "label", "mask_labels").len("places").collect()
    rows = [
        (source, found, places)
        for source, label, values, places in annotations.iter_rows()
        for found in {*filter(None, [label]), *(json.loads(values).values() if values else ())}
    ]
    rows += [(source.name, label, 0) for source in build.sources for label in source.info.stated_labels]
    table = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    return table.group_by("source", "label").agg(pl.col("places").sum()).sort("source", "label")


def _sentence(build: Build, rows: pl.DataFrame, alike: Iterable[tuple[str, ...]]) -> str:
    found, lines = [], dict[str, list[str]]()
    for group in alike:
        own = rows.filter(pl.col("released").is_in(group))
        chosen = _chosen(build, own)
        said = ", ".join(f"{label!r} ({_where(own.filter(released=label))})" for label in group)
        found.append(f"    {said}")
        for source, label in own.filter(pl.col("released") != chosen).select("source", "label").iter_rows():
            table, keys = _keys(build, source, label)
            new = [f"    {toml_value(key)} = {toml_value(chosen)}" for key in keys]
            lines[table] = list(dict.fromkeys([*lines.get(table, ()), *new]))
    answers = [line for table, added in sorted(lines.items()) for line in (f"    [{table}]", *added)]
    return (
        "labels differ in case or separators alone, or have one name in questions, so that no question can distinguish "
        "them:\n" + "\n".join(found) + "\nUnite them, or give them other names. In the recipe:\n" + "\n".join(answers)
    )


def _chosen(build: Build, rows: pl.DataFrame) -> str:
    """Return the label to keep: that of a source in the catalogue, else the most frequent."""
    catalogue = {source.name for source in build.sources if not source.info.is_declared}
    ranked = rows.group_by("released").agg(pl.col("places").sum(), fixed=pl.col("source").is_in(catalogue).any())
    return str(ranked.sort("fixed", "places", "released", descending=[True, True, False])["released"][0])


def _where(rows: pl.DataFrame) -> str:
    places = [
        f"{source}: {places:,}" if places else source for source, places in rows.select("source", "places").rows()
    ]
    return ", ".join(places)


def _keys(build: Build, source: str, label: str) -> tuple[str, list[str]]:
    """Return the recipe table that renames a source's label, and its keys there."""
    info = next(one.info for one in build.sources if one.name == source)
    if not info.is_declared or label in build.recipe.labels.names:
        return "labels.names", [label]
    return f"sources.{source}.read.labels", _stated_keys(info.declaration, label)


def _stated_keys(declaration: Declaration, label: str) -> list[str]:
    """Return the labels of a source that are released under this label."""
    return [key for key, value in declaration.labels.items() if value == label] or [label]
