"""Prove every row: of the published tasks column by column, of others from the scenes of its images."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from itertools import groupby
from typing import Any, Final

import polars as pl

from medmultipoints.transforms.columns.tables import column_names
from medmultipoints.transforms.instructions.all_tasks import TASKS
from medmultipoints.transforms.instructions.answers.published import PUBLISHED
from medmultipoints.transforms.instructions.answers.shapes import plain_pattern
from medmultipoints.transforms.instructions.naming.lexicon import Lexicon
from medmultipoints.transforms.instructions.proofs.published_rows import prove_published
from medmultipoints.transforms.instructions.proofs.reading import (
    Mentions,
    PromptReading,
    Reading,
    Wrong,
    clear_label,
    find_plain,
    label_of,
    labels_in,
    read_answer,
    read_prompt,
    require,
)
from medmultipoints.transforms.instructions.scenes import Scene, gather_scenes, group_key
from medmultipoints.transforms.instructions.task import Task
from medmultipoints.transforms.pictures.crops import Crop, read_crop

Row = Mapping[str, Any]
ReadPrompt = Callable[[str, str], PromptReading]
Gather = Callable[[pl.DataFrame], Iterator[tuple[Scene, ...]]]
_COPIED: Final = tuple(name for name in column_names("instructions", "of_record") if name != "label")


def prove_rows(
    rows: pl.DataFrame,
    records: pl.DataFrame,
    objects: pl.DataFrame,
    images: pl.DataFrame,
    lexicon: Lexicon,
    mentions: Mentions,
) -> Iterator[tuple[int, str]]:
    """Yield the number of each row (column ``row``) with the reason why it is wrong, empty if it is proved."""
    plain = find_plain(rows, {name: task.shape for name, task in TASKS.items()})
    patterns = {name: re.compile(plain_pattern(task.shape)) for name, task in TASKS.items()}
    read = lru_cache(10_000)(lambda task, prompt: read_prompt(prompt, patterns[task], TASKS[task].shape, mentions))
    rows = rows.join(plain, on="row", how="left")
    of_record = pl.col("task").is_in(PUBLISHED)
    shapes = {name: TASKS[name].shape for name in PUBLISHED}
    yield from prove_published(rows.filter(of_record), shapes, records, images, lexicon, read)
    others = rows.filter(~of_record)
    if others.is_empty():
        return
    stills = others["task"].is_in([name for name, task in TASKS.items() if task.stills]).any()
    copied = images.select("sample_id", *(pl.col(name).alias(f"home_{name}") for name in _COPIED))
    homes = records.select("record_id", "sample_id").join(group_key(images, stills=stills), on="sample_id")
    known = others.join(homes.join(copied, on="sample_id"), on="record_id", how="left")
    known = known.with_columns(_identity(others.columns)).drop(f"home_{name}" for name in _COPIED)
    gather = partial(gather_scenes, records, objects, images, stills=stills)
    yield from _prove_groups(known.sort("group", "row", nulls_last=True), gather, read, lexicon)


def _prove_groups(known: pl.DataFrame, gather: Gather, read: ReadPrompt, lexicon: Lexicon) -> Iterator[tuple[int, str]]:
    """Prove rows sorted by group; ``gather`` yields the scenes of the groups in the same order."""
    yield from ((row, "record_unknown") for row in known.filter(pl.col("group").is_null())["row"])
    filed = known.filter(pl.col("group").is_not_null())
    by_group = groupby(filed.iter_rows(named=True), key=lambda row: row["group"])
    for (_, members), scenes in zip(by_group, gather(filed), strict=True):
        homes_here = {record: scene for scene in scenes for record in scene.records.values()}
        files = {scene.image_file: scene for scene in scenes}
        for row in members:
            yield row["row"], _reason(row, homes_here[row["record_id"]], files, read, lexicon)


def _reason(row: Row, home: Scene, files: Mapping[str, Scene], read: ReadPrompt, lexicon: Lexicon) -> str:
    """Return the reason why a row is wrong, empty if it is proved."""
    if row["identity"]:
        return str(row["identity"])
    try:
        task = TASKS[row["task"]]
        scenes, crops = _pictures(row, task, home, files)
        prompt = read(task.name, row["prompt"])
        require(prompt.images == len(row["image_files"]), "prompt_unfinished")
        answer = read_answer(row["answer"], task.shape, plain=row["plain"])
        reading = Reading(task.name, prompt, answer, crops)
        _check_names(row, task, reading, scenes, home, lexicon)
        found = task.prove(reading, scenes, lexicon)
        require(tuple(row["object_ids"]) == found, "object_ids_differ")
        own = all(name.startswith(f"{row['record_id']}:") for name in found)
        require(own or not task.stills, "record_differs")
    except Wrong as wrong:
        return str(wrong)
    return ""


def _identity(columns: Collection[str]) -> pl.Expr:
    """Return ``identity``, the reason why ids or copied columns of a row differ from its record, empty if none does."""
    stem = pl.format("{}:{}", "record_id", "task")
    own = pl.col("instruction_id") == stem
    parts = pl.col("instruction_id").str.starts_with(pl.format("{}:", stem))
    reasons = [
        pl.when(~(own | parts)).then(pl.lit("instruction_id_differs")),
        pl.when(~pl.col("task").is_in(list(TASKS))).then(pl.lit("task_unknown")),
    ]
    for name in _COPIED:
        if name in columns:
            differs = pl.col(name).ne_missing(pl.col(f"home_{name}"))
            reasons.append(pl.when(differs).then(pl.lit(f"{name}_differs")))
    return pl.coalesce(*reasons, pl.lit("")).alias("identity")


def _pictures(
    row: Row, task: Task, home: Scene, files: Mapping[str, Scene]
) -> tuple[tuple[Scene, ...], tuple[Crop, ...]]:
    """Return the scenes and crops of the row's images; raise Wrong if their number differs from the task's."""
    if row["image_file"] == home.image_file and row["image_files"] == [home.image_file] and task.images == 1:
        return (home,), ()
    images = task.images - task.crops
    shown, cut = row["image_files"][:images], row["image_files"][images:]
    require(row["image_file"] == home.image_file and row["image_file"] in shown, "image_file_differs")
    known = len(set(shown)) == len(shown) == images and all(file in files for file in shown)
    crops = tuple(filter(None, map(read_crop, cut)))
    require(known and len(crops) == len(cut) == task.crops, "image_files_differ")
    scenes = tuple(files[file] for file in shown)
    alike = {(scene.split, *((0, 0) if task.stills else (scene.width, scene.height))) for scene in scenes}
    require(len(alike) == 1, "image_files_differ")
    return scenes, crops


def _check_names(
    row: Row, task: Task, reading: Reading, scenes: Sequence[Scene], home: Scene, lexicon: Lexicon
) -> None:
    """Raise Wrong if the prompt names other classes than the answer, or the row belongs to another record."""
    answered = labels_in(reading.answer)
    found, asked = reading.prompt.mentions, set() if task.names == "none" else set(answered)
    require(found - reading.prompt.vague <= asked <= found, "prompt_names_differ")
    single = task.names != "listed" and task.labelled
    require(not single or bool(answered), "label_differs")
    label = "" if not single else clear_label(lexicon, answered[0]) if task.clear_name else ""
    label = label or (label_of(lexicon, scenes, answered[0]) if single else "")
    name = answered[0] if single and task.names == "one" else ""
    require(not name or len(set(answered)) == 1, "label_differs")
    require(row.get("name", name) == name, "name_differs")
    require(row.get("label", label) == label, "label_differs")
    filed = home.first_record if task.whole_image else home.records.get(label)
    require(row["record_id"] == filed, "record_differs")
