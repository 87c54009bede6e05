"""Count rows of a release; every frame is sorted and handles empty splits."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

import polars as pl

from medmultipoints.transforms.instructions.answers.fences import read_fenced
from medmultipoints.transforms.instructions.answers.published import PUBLISHED
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.splits.groups import ALONE
from medmultipoints.transforms.splits.official import split_rank

PLACES: Final = '"(?:point|bbox)_2d"'
"""Pattern of an answer with coordinates."""
UNCERTAIN: Final = "count_uncertain"
"""The reason of a record without questions: some of its objects may be missing."""
NEVER_VARIES: Final = (pl.len() > 1) & (pl.col("answer").n_unique() == 1) & ~pl.col("answer").str.contains(PLACES).any()
"""Whether a group of several instructions has one answer only, none of them with a place."""
LONGEST: Final = 80
"""Number of characters of an answer that a note repeats."""


def count_labels(records: pl.DataFrame) -> pl.DataFrame:
    """Return rows (split, label, records, images, objects): the amount of each label in each split."""
    return (
        records.group_by("split", "label")
        .agg(
            pl.len().cast(pl.Int64).alias("records"),
            pl.col("image_sha256").n_unique().cast(pl.Int64).alias("images"),
            pl.col("count").sum().cast(pl.Int64).alias("objects"),
        )
        .sort(split_rank(), "split", "label")
    )


def note_unverified(exclusions: pl.DataFrame, images: pl.DataFrame, sources: Iterable[str]) -> list[str]:
    """Return a sentence for each of the sources with pictures of whose objects nothing is known.

    ``exclusions``: source, reason and sample_id; ``images``: the source of each image read.
    """
    counts = dict(exclusions.filter(reason="unverified_empty").group_by("source").len().iter_rows())
    read = dict(images.group_by("source").len().iter_rows())
    return [
        f"{name}: {counts[name]:,} of {plural(read[name], 'picture')} left out, since nothing is annotated there "
        "(unverified_empty): add what is missing, such as masks; if nothing is there, name the labels in "
        f"[sources.{name}.read.absence] certain, and write zero_counts = true in [labels] to release these pictures; "
        '[read.slices] only = "with-mask" takes no other slices of a volume'
        for name in sources
        if name in counts
    ]


def note_left_out_labels(regions: pl.LazyFrame, names: Collection[str]) -> list[str]:
    """Return a sentence with the objects of labels that are not among ``names``; of an image's evidence the most."""
    others = regions.filter(~pl.col("label").is_in(list(names)))
    objects = others.group_by("sample_id", "label", "evidence").len().group_by("sample_id", "label").agg(pl.max("len"))
    counts = objects.group_by("label").agg(pl.sum("len"), pictures=pl.len()).sort("label").collect(engine="streaming")
    if counts.is_empty():
        return []
    counted = ", ".join(
        f"{label} ({plural(count, 'object')} in {plural(pictures, 'picture')})"
        for label, count, pictures in counts.rows()
    )
    return [f"labels that [labels] names leaves out: {counted}"]


def count_images(images: pl.DataFrame) -> pl.DataFrame:
    """Return rows (split, source, images, groups, bytes): released images by split and source.

    ``bytes`` is the size of the pictures.
    """
    return (
        images.group_by("split", "source")
        .agg(
            pl.len().cast(pl.Int64).alias("images"),
            pl.col("group_id").n_unique().cast(pl.Int64).alias("groups"),
            pl.col("stored_bytes").sum().cast(pl.Int64).alias("bytes"),
        )
        .sort(split_rank(), "split", "source")
    )


def count_histogram(records: pl.DataFrame) -> pl.DataFrame:
    """Return rows (label, count, records): the number of records of a label with each object count."""
    return (
        records.group_by("label", "count")
        .agg(pl.len().cast(pl.Int64).alias("records"))
        .with_columns(pl.col("count").cast(pl.Int64))
        .sort("label", "count")
    )


def count_spread(records: pl.DataFrame) -> pl.DataFrame:
    """Return rows (label, least, median, most, mean): the spread of the objects per record of each label."""
    return (
        records.group_by("label")
        .agg(
            pl.col("count").min().cast(pl.Int64).alias("least"),
            pl.col("count").median().alias("median"),
            pl.col("count").max().cast(pl.Int64).alias("most"),
            pl.col("count").cast(pl.Float64).mean().alias("mean"),
        )
        .sort("label")
    )


def count_tasks(instructions: pl.DataFrame) -> pl.DataFrame:
    """Return rows (split, task, instructions)."""
    counted = instructions.group_by("split", "task").agg(pl.len().cast(pl.Int64).alias("instructions"))
    return counted.sort(split_rank(), "split", "task")


def note_splits(images: pl.DataFrame, asked: Iterable[str]) -> list[str]:
    """Return a note about the requested splits that hold no image, with the reason."""
    held, groups = set(images["split"]), images["group_id"].n_unique()
    wanted = list(asked)
    empty = [split for split in wanted if split not in held]
    if not empty:
        return []
    count = plural(groups, "group")
    few = groups < len(wanted)
    why = (
        f"images of one group stay together: {count} for {plural(len(wanted), 'split')}"
        if few
        else (f"their shares are too small for {count} of these sizes, or were filled by splits that are given")
    )
    return [f"no image is in the split {' nor in '.join(empty)}: {why}"]


def note_groups(images: pl.DataFrame) -> list[str]:
    """Return notes about sources of which no picture has a patient, a video or a volume, and about alike names."""
    counted = (
        images.group_by("source").agg(pl.len(), ALONE.all().alias("alone")).filter(pl.col("alone"), pl.col("len") > 1)
    )
    if counted.is_empty():
        return _note_alike(images)
    text = "each picture is its own group, near-duplicates aside: nothing names a patient, a video or a volume"
    return [f"{', '.join(counted['source'].sort())}: {text}", *_note_alike(images)]


def _note_alike(images: pl.DataFrame) -> list[str]:
    """Return a note for each source with groups whose names differ in case, separators or leading zeros alone."""
    named = pl.col("group_id").str.extract_groups(r"^group:(?<source>[^/]*)/(?<name>.*)$")
    groups = images.select(named).unnest("group_id").drop_nulls().unique()
    plain = pl.col("name").str.to_lowercase().str.replace_all(r"[\s_.-]+", "")
    folded = plain.str.replace_all(r"(^|[^0-9])0+([0-9])", "${1}${2}")
    alike = (
        groups.group_by("source", folded.alias("plain"))
        .agg(pl.col("name").sort())
        .filter(pl.col("name").list.len() > 1)
    )
    found = alike.sort("source", "plain").group_by("source", maintain_order=True).agg(pl.len(), pl.col("name").first())
    shared = groups.group_by("name").agg(pl.col("source").sort()).filter(pl.col("source").list.len() > 1).sort("name")
    across = [
        f"groups of one name, such as {name!r}, are in the sources {', '.join(sources)}, and are not joined: if it is "
        "one patient, give the pictures as one source"
        for name, sources in shared.head(1).iter_rows()
    ]
    return across + [
        f"{source}: the groups {' and '.join(map(repr, names[:2]))} have nearly one name"
        + (f", as have {count - 1} more" if count > 1 else "")
        + ": if it is one patient, its pictures can lie in two splits; write it in one way"
        for source, count, names in found.iter_rows()
    ]


def degenerate_tasks(instructions: pl.LazyFrame) -> list[str]:
    """Return the tasks whose answers are all equal: they teach and measure nothing.

    Answers with coordinates never count as equal: equal positions are not a property of the task.
    ``instructions`` are those of the whole release: in a part of it, answers can be equal by chance.
    """
    judged = instructions.group_by("task").agg(same=NEVER_VARIES).filter("same").select("task")
    return judged.collect(engine="streaming")["task"].sort().to_list()


def count_personal(findings: pl.DataFrame, released: pl.Series) -> dict[str, int]:
    """Return the number of released pictures with each kind of personal data that a privacy policy knows."""
    own = findings.filter(
        pl.col("kind").str.contains("^(shows|carries)_"), pl.col("sample_id").is_in(released.implode())
    )
    return dict(own.group_by("kind").agg(pl.col("sample_id").n_unique()).sort("kind").rows())


def note_tasks(
    instructions: pl.DataFrame, asked: Sequence[str], *, degenerate: str = "keep", uncertain: int = 0
) -> list[str]:
    """Return notes about the requested tasks: tasks without a row, answers that never vary, records without questions.

    ``degenerate``: the recipe's choice to keep or leave out tasks whose answers are all equal. ``uncertain``: the
    number of records without questions, because their count is uncertain.
    """
    found = set(instructions["task"])
    why = "no question could be asked" + (", or every answer was the same" if degenerate == "leave_out" else "")
    without = [task for task in asked if task not in found]
    notes = [f"{'task' if len(without) == 1 else 'tasks'} {', '.join(without)}: {why}"] if without else []
    if uncertain:
        records = f"{plural(uncertain, 'record')} of an uncertain count: no question is asked"
        only = ", and about other labels of these pictures only those of the published tasks"
        notes.append(records + only * (not set(asked) <= set(PUBLISHED)))
    same = (
        instructions.filter(pl.col("task") != "presence")
        .group_by("split", "task")
        .agg(pl.col("answer").first(), same=NEVER_VARIES)
        .filter("same")
    )
    notes += [
        f"task {task}: in {split} every answer is {_on_one_line(answer)}"
        for split, task, answer in same.select("split", "task", "answer").sort("task", "split").iter_rows()
    ]
    yes = pl.col("answer").str.contains('"present": true', literal=True)
    seen = instructions.filter(task="presence").group_by("split").agg(yes.any().alias("yes"), (~yes).any().alias("no"))
    for split, some_yes, some_no in seen.sort("split").iter_rows():
        if some_yes != some_no:
            notes.append(f"task presence: in {split} every answer is {'yes' if some_yes else 'no'}")
    return notes


def _on_one_line(answer: str) -> str:
    """Return an answer on one line, without the fence around its JSON, truncated if long."""
    text = " ".join((read_fenced(answer) or answer).split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
