"""Measure a table stage on simulated rows and print figures as JSON: ``python -m benchmarks.scale TASK ROWS``.

Tasks: ``store`` (write and read the table of images), ``validate`` (Great Expectations in chunks of 250,000 rows), and
whole stages, from stored inputs (made by another process) to receipts: ``dedup`` (one image in a hundred is a copy),
``split`` (videos of 100 frames), ``record`` (one object per image), ``near`` (thumbnails of noise) and ``release`` (its
tables, certificate and instructions, one for each image; no thumbnails, since their search is that of ``near``). There
are no pictures: only the cost per row is measured.
"""

import hashlib
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import orjson
import polars as pl

from benchmarks.measure import tree_bytes
from medmultipoints.data_lake.archives.fingerprint import SourceFingerprint
from medmultipoints.data_lake.catalogue import load_catalogue
from medmultipoints.data_lake.store.layout import Lake, open_lake
from medmultipoints.data_lake.store.objects import StoredObject
from medmultipoints.data_lake.store.parquet_tables import ROWS_PER_OBJECT, put_table, read_table
from medmultipoints.expectations.rows.validate import validate
from medmultipoints.flows.engine.request import BuildRequest
from medmultipoints.flows.engine.running.run import Unwatched, run_in_threads, run_stage
from medmultipoints.flows.engine.stage import Build, Inputs, Source, Stage
from medmultipoints.flows.recipe.load import load_recipe
from medmultipoints.flows.stages.pipeline import PIPELINE
from medmultipoints.transforms.columns.tables import conform, empty_frame, load_table
from medmultipoints.transforms.pictures.thumbnails import SIDE

ROOT = Path(__file__).resolve().parents[1]
FRAMES = 100
OF_TABLES = ("leakage", "instructions", "quarantine", "tables")
COPIES = 100
"""Interval of images that repeat the previous one."""
MOST_BYTES, MOST_SECONDS = 13_000_000_000, 1_800


def numbered(numbers: range) -> pl.DataFrame:
    """Return the numbers of images as the column ``n``."""
    return pl.int_range(numbers.start, numbers.stop, eager=True).alias("n").to_frame()


def images(numbers: range) -> pl.DataFrame:
    """Return images with numbers as hashes; one in a hundred is a copy."""
    number = numbered(numbers)
    origin = pl.when(pl.col("n") % COPIES == 1).then(pl.col("n") - 1).otherwise("n").cast(pl.String)
    sha256 = origin.str.zfill(64)
    made = number.select(
        sample_id=name(),
        source=pl.lit("simulated"),
        image_sha256=sha256,
        stored_sha256=sha256,
        luma_blake3=sha256,
        image_origin=pl.lit("member"),
        format=pl.lit("jpg"),
        **{side: pl.lit(640, pl.Int64) for side in ("original_width", "original_height", "width", "height")},
        scale=pl.lit(1.0),
        stored_bytes=pl.lit(20_000, pl.Int64),
        perceptual_hash=origin.str.zfill(16),
        mask_off_binary=pl.lit(0, pl.Int64),
        annotated=pl.lit(True),
        orientation_done=pl.lit(None, pl.String),
        colour_model=pl.lit("rgb"),
    )
    return conform(made, load_table("images"))


def filled(table: str, numbers: range, known: dict[str, Any]) -> pl.DataFrame:
    """Return a table of those images with the ``known`` columns; the others are null, lists are empty."""
    made = numbered(numbers)
    columns = []
    for one, dtype in empty_frame(load_table(table)).schema.items():
        missing = pl.lit([]) if dtype.is_nested() else pl.lit(None)
        columns.append(known.get(one, missing).cast(dtype).alias(one))
    return made.select(columns)


def samples(numbers: range) -> pl.DataFrame:
    """Return the samples of those images: frames of videos."""
    known = {
        "sample_id": name(),
        "source": pl.lit("simulated"),
        "stem": pl.col("n").cast(pl.String).str.zfill(9),
        "image_member": name(),
        "video_id": (pl.col("n") // FRAMES).cast(pl.String),
        "frame_index": pl.col("n") % FRAMES,
        "organ": pl.lit("colon"),
        "finding": pl.lit("polyps"),
        "classification": pl.lit("polyps"),
        "labels_exhaustive": pl.lit(["polyps"]),
    }
    return filled("samples", numbers, known)


def regions(numbers: range) -> pl.DataFrame:
    """Return one mask object per image."""
    text = {"evidence": "mask", "label": "polyps", "source": "simulated"}
    places = {"x1": 10, "y1": 10, "x2": 50, "y2": 40, "cx": 30, "cy": 25, "ix": 30, "iy": 25, "area_px": 900}
    fixed = {**text, **places, "index": 0, "image_width": 640, "image_height": 640, "rle": "0"}
    flags = {"centroid_inside": True, "interior_inside": True, "truncated": False}
    known = {key: pl.lit(value) for key, value in {**fixed, **flags}.items()}
    known |= {"sample_id": name(), "region_id": pl.format("{}:mask:polyps:0", name())}
    return filled("regions", numbers, known)


def released(table: str, numbers: range) -> pl.DataFrame:
    """Return images, records, objects or instructions as they are released; videos are in three splits."""
    sha256 = pl.col("n").cast(pl.String).str.zfill(64)
    record, video = pl.format("{}:polyps", sha256), (pl.col("n") // FRAMES)
    text = dict.fromkeys(("source", "label", "classification", "organ", "finding"), pl.lit("polyps"))
    hashes = dict.fromkeys(("image_sha256", "stored_sha256", "luma_blake3"), sha256)
    place = {"video_id": video.cast(pl.String), "group_id": pl.format("video:simulated/{}", video)}
    names = {"sample_id": name(), "record_id": record, "object_id": pl.format("{}:0", record)}
    sizes = dict.fromkeys(("width", "height", "original_width", "original_height"), pl.lit(640))
    split = pl.when(video % 10 < 8).then(pl.lit("train")).when(video % 10 < 9).then(pl.lit("validation"))
    asked = {
        "instruction_id": pl.format("{}:presence", record),
        "task": pl.lit("presence"),
        "prompt": pl.lit("<image>" + 30 * "Where is it? "),
        "answer": pl.lit(20 * '{"points": [1, 2]} '),
        "split": split.otherwise(pl.lit("test")),
        "count": pl.lit(1),
        "perceptual_hash": sha256.str.tail(16),
    }
    return filled(table, numbers, {**text, **hashes, **place, **names, **sizes, **asked})


def stored_inputs(lake: Lake, rows: int, stage: Stage) -> tuple[Build, Inputs]:
    """Store the inputs of a stage in a lake; all images are in the split train, and only ``dedup`` gets copies.

    Hashes are spread like those of real images, so that their order differs from that of the images. Tables that are
    not made here are empty.
    """
    split = {"group_id": pl.col("sample_id"), "split": pl.lit("train")}
    made: dict[str, Callable[[range], pl.DataFrame]] = {
        "images": lambda part: images(part).with_columns(image_sha256=pl.Series(map(spread_hash, part))),
        "samples": samples,
        "regions": regions,
        "splits": lambda part: samples(part).select("sample_id", **split),
    }
    if stage.name == "dedup":
        made["images"] = images
    if stage.name == "release":
        made = {name: partial(released, name) for name in ("released_images", "records", "objects", "instructions")}
    if stage.name == "near":
        made["thumbnails"] = thumbnails
    read = [table for one in PIPELINE if one.name in stage.reads for table in (*one.writes, f"{one.name}.exclusions")]
    parts = [range(first, min(first + ROWS_PER_OBJECT, rows)) for first in range(0, rows, ROWS_PER_OBJECT)]
    objects: dict[str, tuple[StoredObject, ...]] = {
        name: tuple(put_table(lake, made[name](part)) for part in parts)
        if name in made
        else (put_table(lake, empty_table(name)),)
        for name in read
    }
    objects |= {name: () for one in PIPELINE if one.name in stage.reads for name in one.blobs}
    info = load_catalogue()["hyperkvasir"].model_copy(update={"name": "simulated"})
    build = Build(
        lake,
        load_recipe("audited"),
        (Source(info, SourceFingerprint(lake.root, ())),),
        BuildRequest(only=("simulated",)),
    )
    return build, Inputs(lake, build.recipe, objects, {name: {"used": rows} for name in stage.reads})


def empty_table(name: str) -> pl.DataFrame:
    """Return a table without rows; ``text.exclusions`` and the like are tables of exclusions."""
    return empty_frame(load_table(name.rpartition(".")[2]))


def thumbnails(numbers: range) -> pl.DataFrame:
    """Return thumbnails of noise, no two of which are near-duplicates."""
    noise = np.random.default_rng(numbers.start).integers(0, 256, (len(numbers), SIDE * SIDE), np.uint8)
    packed = pl.Series([small.tobytes().hex() for small in noise])
    return numbered(numbers).select(sample_id=name(), thumbnail=packed)


def spread_hash(number: int) -> str:
    """Return the sha256 of a number."""
    return hashlib.sha256(b"%d" % number).hexdigest()


def name() -> pl.Expr:
    """Return the expression for the sample_id of an image from its number."""
    return pl.format("simulated/{}", pl.col("n").cast(pl.String).str.zfill(9))


def tasks(rows: int) -> dict[str, Callable[[], Callable[[], int]]]:
    """Return, by task, the function that makes the inputs and returns the work to measure."""

    def store() -> Callable[[], int]:
        table = images(range(rows))

        def work() -> int:
            with TemporaryDirectory() as folder:
                lake = open_lake(Path(folder))
                return read_table(lake, [put_table(lake, table)]).height

        return work

    def check() -> Callable[[], int]:
        table = images(range(rows))
        return lambda: sum(rule.rows > 0 for rule in validate(table, load_table("images")).checked)

    whole = {name: partial(whole_stage, name, rows) for name in ("dedup", "split", "record", "near", "release")}
    return {"store": store, "validate": check, **whole}


def whole_stage(name: str, rows: int) -> Callable[[], int]:
    """Return the work of a stage from its stored inputs, made by another process, to its receipt."""
    stage = next(stage for stage in PIPELINE if stage.name == name)
    folder = TemporaryDirectory()
    with ProcessPoolExecutor(1, get_context("spawn")) as other:
        build, inputs = other.submit(stored_inputs, open_lake(Path(folder.name)), rows, stage).result()

    def work() -> int:
        with folder:
            receipt, _ = run_stage(build, without_pictures(stage), "0" * 64, inputs, run_in_threads(1), Unwatched())
            return receipt.counts["rows"] or sum(file.rows for file in receipt.objects["files"])

    return work


def without_pictures(stage: Stage) -> Stage:
    """Return the stage; of ``release`` only what it makes of tables."""
    return stage if stage.name != "release" else replace(stage, shards=lambda *_: OF_TABLES)


def measure(task: str, rows: int) -> dict[str, Any]:
    """Return the figures of one task, run in its own process.

    ``stopped`` is set if it exceeded the limits of time or memory.
    """
    command = [sys.executable, "-m", "benchmarks.scale", task, str(rows)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with (
        TemporaryDirectory(dir=ROOT) as folder,  # removed even if the child is stopped
        subprocess.Popen(command, cwd=ROOT, env=os.environ | {"TMPDIR": folder}, **pipes) as child,
    ):
        start = time.monotonic()
        for reason in watch(child, start):
            child.kill()
            return {"task": task, "rows": rows, "stopped": reason}
        output, errors = child.communicate()
    assert child.returncode == 0, errors[-2000:]
    figures: dict[str, Any] = orjson.loads(output.splitlines()[-1])
    return figures


def watch(child: "subprocess.Popen[str]", start: float) -> Iterator[str]:
    """Yield the reason if the child must be stopped before it ends."""
    while child.poll() is None:
        if tree_bytes(child.pid) > MOST_BYTES:
            yield f"more than {MOST_BYTES // 10**9} GB"
        if time.monotonic() - start > MOST_SECONDS:
            yield f"more than {MOST_SECONDS} s"
        with suppress(subprocess.TimeoutExpired):
            child.wait(0.5)


def main(task: str, rows: int) -> dict[str, Any]:
    """Return the seconds of the work alone, and the memory of the inputs and of the whole task."""
    work = tasks(rows)[task]()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    found = work()
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    megabytes = {"inputs_mb": before * 1024 // 10**6, "peak_mb": peak * 1024 // 10**6}
    return {"task": task, "rows": rows, "seconds": round(seconds, 2), "found": found, **megabytes}


if __name__ == "__main__":
    sys.stdout.buffer.write(orjson.dumps(main(sys.argv[1], int(sys.argv[2]))) + b"\n")
