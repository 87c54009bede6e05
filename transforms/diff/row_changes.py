"""Compare the images, records and instructions of two releases."""

from collections.abc import Iterable
from typing import Final

import polars as pl

from medmultipoints.transforms.columns.tables import column_names
from medmultipoints.transforms.diff.changes import Change, change, named, turned

PICTURE: Final = ("stored_sha256", "luma_blake3")
SIZE: Final = ("width", "height", "scale")
NAME: Final = column_names("released_images", "name")
ANSWER: Final = ("answer", "object_ids")
PLACE: Final = ("image_file", "image_files", "task")
FOLLOWS_NAME: Final = column_names("released_images", "follows_name")
# Columns that a record repeats from its image and objects; their changes are reported there.
OF_OBJECTS: Final = column_names("records", "of_objects")
OF_IMAGE: Final = column_names("records", "of_image")


def image_changes(old: pl.DataFrame, new: pl.DataFrame, shown: int) -> list[Change]:
    """Return the changes of images, matched by the bytes of their source files."""
    both = _both(old, new, "image_sha256")
    said_size, said_name = _sizes(both), _said(both, "sample_id")
    resized, renamed, pictured = (_differs(both, names) for names in (SIZE, NAME, PICTURE))
    others = [name for name in old.columns if name not in (*PICTURE, *SIZE, *NAME, "split", "stored_bytes")]
    follows = [name for name in others if name in FOLLOWS_NAME]
    free = [name for name in others if name not in FOLLOWS_NAME]
    described = _differs(both, free) | (_differs(both, follows) & ~renamed)
    changed = _which(both, free, follows)
    return [
        change("images_lost", _alone(old, new, "image_sha256"), shown),
        change("images_gained", _alone(new, old, "image_sha256"), shown),
        change("images_moved", _rows(both.filter(_differs(both, ["split"])), _said(both, "split")), shown),
        change("images_resized", _rows(both.filter(resized), said_size), shown),
        change("pictures_changed", _rows(both.filter(pictured & ~resized), pl.lit("")), shown),
        change("images_renamed", _rows(both.filter(renamed), said_name), shown),
        change("images_described", _rows(both.filter(described), changed), shown),
    ]


def record_changes(
    old: pl.DataFrame, new: pl.DataFrame, touched: pl.Series, images: tuple[pl.DataFrame, pl.DataFrame], shown: int
) -> list[Change]:
    """Return the changes of records, except those that follow from their objects or image.

    ``touched``: ids of records whose objects differ. ``images``: the image tables of both releases.
    """
    both = _both(old, new, "record_id")
    pictures = _both(*images, "image_sha256")
    of_image, of_name = (
        pl.col("image_sha256").is_in(pictures.filter(_differs(pictures, names))["image_sha256"].implode())
        for names in ((*SIZE, *PICTURE), NAME)
    )
    counted = _differs(both, ["count"])
    others = [name for name in old.columns if name not in (*OF_OBJECTS, *OF_IMAGE, "split")]
    follows = [name for name in others if name in FOLLOWS_NAME]
    free = [name for name in others if name not in FOLLOWS_NAME]
    described = _differs(both, free) | (_differs(both, follows) & ~of_name)
    explained = counted | of_image | pl.col("record_id").is_in(touched.implode())
    corrected = _differs(both, (*OF_OBJECTS, *OF_IMAGE)) & ~explained
    return [
        change("records_lost", _alone(old, new, "record_id"), shown),
        change("records_gained", _alone(new, old, "record_id"), shown),
        change("counts_changed", _rows(both.filter(counted), _said(both, "count"), "record_id"), shown),
        change("records_corrected", _rows(both.filter(corrected), pl.lit(""), "record_id"), shown),
        change("records_described", _rows(both.filter(described), _which(both, free, follows), "record_id"), shown),
    ]


def instruction_changes(old: pl.DataFrame, new: pl.DataFrame, shown: int) -> list[Change]:
    """Return the changes of prompts and answers; the split of an instruction follows its image."""
    both = _both(old, new, "instruction_id")
    prompts, answers, places = (_differs(both, names) for names in (["prompt"], ANSWER, PLACE))
    known = ("instruction_id", "prompt", *ANSWER, *PLACE, "split")
    others = [name for name in old.columns if name not in known]
    found = {
        "prompts_changed": (prompts, _said(both, "prompt")),
        "answers_changed": (answers, _said(both, "answer")),
        "instructions_redirected": (places, _which(both, PLACE)),
        "instructions_described": (_differs(both, others), _which(both, others)),
    }
    return [
        change("instructions_lost", _alone(old, new, "instruction_id"), shown),
        change("instructions_gained", _alone(new, old, "instruction_id"), shown),
        *(
            change(kind, _rows(both.filter(differs), text, "instruction_id"), shown)
            for kind, (differs, text) in found.items()
        ),
    ]


def dialect_changes(
    lines: tuple[pl.DataFrame, pl.DataFrame], instructions: tuple[pl.DataFrame, pl.DataFrame], shown: int
) -> list[Change]:
    """Return added and removed dialects, and changed entries whose instructions did not change."""
    old, new = lines
    before, after = set(old["dialect"]), set(new["dialect"])
    paired = _both(*instructions, "instruction_id")
    same = paired.filter(~_differs(paired, ["prompt", *ANSWER, *PLACE])).select("instruction_id")
    ours = [frame.filter(pl.col("dialect").is_in(sorted(before & after))) for frame in lines]
    here, there = (frame.join(same, on="instruction_id", how="semi").select("line_id", "line") for frame in ours)
    both = here.join(there, on="line_id", how="full", suffix="|new", coalesce=True)
    return [
        named("dialects_lost", before - after, shown),
        named("dialects_gained", after - before, shown),
        change("entries_changed", _rows(both.filter(_differs(both, ["line"])), _said(both, "line"), "line_id"), shown),
    ]


def _both(old: pl.DataFrame, new: pl.DataFrame, key: str) -> pl.DataFrame:
    """Return the rows of both releases; new values are in the columns ``name|new``."""
    later = new.rename({name: f"{name}|new" for name in new.columns if name != key})
    return old.join(later, on=key, how="inner", maintain_order="left")


def _alone(one: pl.DataFrame, other: pl.DataFrame, key: str) -> pl.DataFrame:
    """Return the rows missing in the other frame; images come with their names."""
    rows = one.join(other, on=key, how="anti")
    about = [name for name in ("image_sha256", "label") if name in rows.columns]
    parts = ["sample_id"] if key == "image_sha256" and "sample_id" in rows.columns else []
    return rows.select(pl.col(key).alias("id"), *about, *(pl.col(name).alias("said") for name in parts))


def _alike(both: pl.DataFrame, names: Iterable[str]) -> list[str]:
    shared = [name for name in names if name in both.columns and f"{name}|new" in both.columns and name != "image"]
    return [name for name in shared if both.schema[name] == both.schema[f"{name}|new"]]


def _differs(both: pl.DataFrame, names: Iterable[str]) -> pl.Expr:
    found = [pl.col(name).ne_missing(pl.col(f"{name}|new")) for name in _alike(both, names)]
    return pl.any_horizontal(pl.lit(False), *found)


def _which(both: pl.DataFrame, *groups: Iterable[str]) -> pl.Expr:
    """Return the names of the columns that differ."""
    names = [name for group in groups for name in _alike(both, group)]
    found = [pl.when(pl.col(name).ne_missing(pl.col(f"{name}|new"))).then(pl.lit(name)) for name in names]
    return pl.concat_str(found, separator=", ", ignore_nulls=True) if found else pl.lit("")


def _said(both: pl.DataFrame, name: str) -> pl.Expr:
    return turned(name, f"{name}|new") if _alike(both, [name]) else pl.lit("")


def _sizes(both: pl.DataFrame) -> pl.Expr:
    if len(_alike(both, ("width", "height"))) < 2:
        return pl.lit("")
    return pl.format("{}x{} to {}x{}", "width", "height", "width|new", "height|new")


def _rows(rows: pl.DataFrame, said: pl.Expr, key: str = "image_sha256") -> pl.DataFrame:
    about = [name for name in ("image_sha256", "label") if name in rows.columns]
    return rows.select(pl.col(key).alias("id"), said.alias("said"), *about)
