"""Prove the rows of the published tasks column by column.

This proves 55,000 rows a second (20,000 one by one) when every second row has a prompt of its own, and more when
prompts repeat.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np
import polars as pl

from medmultipoints.transforms.columns.tables import column_names
from medmultipoints.transforms.instructions.answers.published import KEYS, keeps_box_digits
from medmultipoints.transforms.instructions.answers.shapes import Shape
from medmultipoints.transforms.instructions.naming.lexicon import Lexicon
from medmultipoints.transforms.instructions.proofs.reading import (
    ROUNDING_PX,
    PromptReading,
    Wrong,
    labels_in,
    read_answer,
)

ROWS_AT_ONCE: Final = 50_000
_COPIED: Final = tuple(name for name in column_names("instructions", "of_record") if name != "label")
_START, _END = "```json\n", "\n```"
_PLACE: Final = pl.List(pl.Float64)
_STATED: Final = {
    "row": pl.get_index_type(),
    "stated_count": pl.Int64,
    "stated_labels": pl.List(pl.String),
    "point_2d": pl.List(_PLACE),
    "bbox_2d": pl.List(_PLACE),
}
_MOST_COUNT: Final = 2**62  # a larger count in an answer is wrong, too

Read = Callable[[str, str], PromptReading]


def prove_published(
    rows: pl.DataFrame,
    shapes: Mapping[str, Shape],
    records: pl.DataFrame,
    images: pl.DataFrame,
    lexicon: Lexicon,
    read: Read,
) -> Iterator[tuple[int, str]]:
    """Yield ``row`` and the reason why it is wrong, empty if it is proved, of each row of a published task.

    ``rows`` have the column ``plain`` of ``find_plain``; ``read`` parses the prompt of a task, or raises Wrong.
    """
    homes = _record_facts(records, images, lexicon)
    exact = keeps_box_digits(lexicon.policy)
    for part in rows.iter_slices(ROWS_AT_ONCE):
        prompts = _read_prompts(part.select("task", "prompt").unique(), read)
        known = part.join(homes, left_on="record_id", right_on="home", how="left", maintain_order="left")
        known = known.join(prompts, on=["task", "prompt"], how="left", maintain_order="left")
        known = known.join(_decode_answers(part, shapes), on="row", how="left", maintain_order="left")
        points = _same_places(known["point_2d"], known["points"], exact=False)
        boxes = _same_places(known["bbox_2d"], known["bbox"], exact=exact)
        judged = known.with_columns(points_hold=points, bbox_hold=boxes)
        yield from judged.select("row", _reason(known.columns)).iter_rows()


def _record_facts(records: pl.DataFrame, images: pl.DataFrame, lexicon: Lexicon) -> pl.DataFrame:
    """Return what the rows of each record (``home``: its record_id) must agree with, and the names of its label."""
    of_image = ["image_file", "labels_exhaustive", *_COPIED]
    joined = (
        records.select(pl.col("record_id").alias("home"), "sample_id", "label", "count", "points", "bbox")
        .unique("home", keep="last")
        .join(images.select("sample_id", *of_image).unique("sample_id", keep="last"), on="sample_id")
    )
    pairs = joined.select("image_sha256", "label").iter_rows()
    allowed = [[name.singular for name in lexicon.allowed_in([image], label)] for image, label in pairs]
    certain = pl.col("labels_exhaustive").list.contains(pl.col("label"))
    return joined.select(
        "home",
        "points",
        "bbox",
        pl.Series("allowed", allowed, pl.List(pl.String)),
        pl.col("count").alias("home_count"),
        ((pl.col("count") > 0) | certain).alias("is_certain"),
        *(pl.col(name).alias(f"home_{name}") for name in ("label", "image_file", *_COPIED)),
    )


def _read_prompts(prompts: pl.DataFrame, read: Read) -> pl.DataFrame:
    """Return the name that each prompt asks about, ``asked``.

    ``unread`` is the reason why a prompt cannot be read, else empty; ``unnamed``: its example has no or several names,
    or others than its words.
    """
    found = []
    for task, prompt in prompts.iter_rows():
        unread, unnamed, name = "", False, None
        try:
            reading = read(task, prompt)
            unread = "" if reading.images == 1 else "prompt_unfinished"
            named, mentioned = reading.named, reading.mentions
            unnamed = len(named) != 1 or not mentioned - reading.vague <= named <= mentioned
            name = next(iter(named), None)
        except Wrong as wrong:
            unread = str(wrong)
        found.append((task, prompt, unread, unnamed, name))
    schema = {"task": pl.String, "prompt": pl.String, "unread": pl.String, "unnamed": pl.Boolean, "asked": pl.String}
    return pl.DataFrame(found, schema, orient="row")


def _decode_answers(rows: pl.DataFrame, shapes: Mapping[str, Shape]) -> pl.DataFrame:
    """Return the contents of the answers; rows whose answer does not have the shape of its task are left out."""
    plain = pl.col("plain") & ~pl.col("answer").str.contains("\\u", literal=True)  # half a character may be escaped
    text = pl.col("answer").str.strip_prefix(_START).str.strip_suffix(_END)
    parts = [pl.DataFrame(schema=_STATED)]
    for (task,), part in rows.filter(plain).partition_by("task", as_dict=True).items():
        decoded = part.select("row", entry=text.str.json_decode(_answer_type(KEYS[task])))
        parts.append(decoded.select("row", *_answer_fields(KEYS[task])).cast(pl.Schema(_STATED)))
    others = rows.filter(~plain).select("row", "task", "answer").iter_rows()
    read = [found for row, task, answer in others if (found := _parse_answer(row, answer, KEYS[task], shapes[task]))]
    return pl.concat([*parts, pl.DataFrame(read, _STATED, orient="row")])


def _answer_type(keys: Sequence[str]) -> pl.DataType:
    """Return the type of an answer with these keys."""
    whole = "counts" in keys
    scalars: dict[str, pl.DataType] = {"counts": pl.Int64(), "label": pl.String()}
    entry = pl.Struct({key: scalars.get(key, pl.List(_PLACE) if whole else _PLACE) for key in keys})
    return entry if whole else pl.List(entry)


def _answer_fields(keys: Sequence[str]) -> list[pl.Expr]:
    """Return the contents of a decoded answer: its column ``entry`` is one object, or a list with one per place."""
    entry, whole = pl.col("entry"), "counts" in keys

    def field(key: str) -> pl.Expr:
        return entry.struct.field(key) if whole else entry.list.eval(pl.element().struct.field(key))

    count = field("counts") if whole else pl.lit(None)
    labels = pl.concat_list(field("label")) if whole else field("label")
    places = [field(key).alias(key) if key in keys else pl.lit(None).alias(key) for key in ("point_2d", "bbox_2d")]
    return [count.alias("stated_count"), labels.alias("stated_labels"), *places]


def _parse_answer(row: int, answer: str, keys: Sequence[str], shape: Shape) -> tuple[object, ...] | None:
    """Return the contents of an answer in unusual spacing or spelling; None if it does not have the shape."""
    try:
        value = read_answer(answer, shape)
    except Wrong:
        return None
    labels = labels_in(value)
    if isinstance(value, dict):
        return row, min(value["counts"], _MOST_COUNT), labels, value.get("point_2d"), value.get("bbox_2d")
    places = [[entry[key] for entry in value] if key in keys else None for key in ("point_2d", "bbox_2d")]
    return row, None, labels, *places


def _reason(columns: Sequence[str]) -> pl.Expr:
    """Return the first reason why a row is wrong; empty for a right row."""
    wrong: list[tuple[pl.Expr, str | pl.Expr]] = [
        (pl.col("home_label").is_null(), "record_unknown"),
        (pl.col("instruction_id").ne_missing(pl.format("{}:{}", "record_id", "task")), "instruction_id_differs"),
        *((_differs(name), f"{name}_differs") for name in _COPIED if name in columns),
        (_differs("image_file"), "image_file_differs"),
        (pl.col("image_files").list.first().ne_missing(pl.col("image_file")), "image_file_differs"),
        (pl.col("image_files").list.len().ne_missing(1), "image_files_differ"),
        (pl.col("unread") != "", pl.col("unread")),
        (pl.col("stated_labels").is_null(), "answer_shape_differs"),
        *([(_differs("label"), "label_differs")] if "label" in columns else []),
        (pl.col("unnamed"), "prompt_names_differ"),
        (~pl.col("is_certain"), "absence_uncertain"),
        (~pl.col("allowed").list.contains(pl.col("asked")), "name_not_allowed"),
        *([(pl.col("name").ne_missing(pl.col("asked")), "name_differs")] if "name" in columns else []),
        (pl.col("stated_labels").list.set_difference(pl.concat_list("asked")).list.len() > 0, "label_differs"),
        (pl.col("stated_count").fill_null(pl.col("home_count")) != pl.col("home_count"), "count_differs"),
        (_place_fails("point_2d", "points"), "points_differ"),
        (_place_fails("bbox_2d", "bbox"), "boxes_differ"),
        (pl.col("object_ids").list.len().ne_missing(0), "object_ids_differ"),
    ]
    reasons = [pl.when(bad).then(why if isinstance(why, pl.Expr) else pl.lit(why)) for bad, why in wrong]
    return pl.coalesce(*reasons, pl.lit("")).alias("reason")


def _differs(name: str) -> pl.Expr:
    return pl.col(name).ne_missing(pl.col(f"home_{name}"))


def _place_fails(key: str, places: str) -> pl.Expr:
    """Return whether an answer has places that differ from those of the record, or are not as many as its count."""
    counted = pl.col(places).list.len() == pl.col("home_count")
    return pl.col(key).is_not_null() & ~(pl.col(f"{places}_hold") & counted)


def _same_places(stated: pl.Series, true: pl.Series, *, exact: bool) -> pl.Series:
    """Return whether all places equal the true ones, to all digits if ``exact`` and otherwise rounded to 0.1 px."""
    pair = pl.DataFrame({"stated": stated, "true": true.cast(pl.List(_PLACE))}).with_row_index("at")
    alike = (pl.col("stated").list.len() == pl.col("true").list.len()).fill_null(False)
    not_empty = alike & (pl.col("stated").list.len() > 0)
    places = pair.filter(not_empty).explode("stated", "true")
    numbers = places.filter(not_empty).explode("stated", "true")
    said, own = numbers["stated"].to_numpy(), numbers["true"].to_numpy()
    with np.errstate(invalid="ignore", over="ignore"):
        same = said == own if exact else (np.abs(said - own) <= ROUNDING_PX) & (np.rint(said * 10) / 10 == said)
    wrong = pl.concat([places.filter(~alike)["at"], numbers["at"].filter(pl.Series(~same))]).unique()
    return pair.select(alike & ~pl.col("at").is_in(wrong.implode())).to_series()
