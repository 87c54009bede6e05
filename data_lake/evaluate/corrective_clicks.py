"""Evaluate interactive segmentation of a release's objects by a declared model that takes clicks."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from medmultipoints.data_lake.release.read.released_tables import check_split, read_parquet
from medmultipoints.data_lake.release.write.manifest import Manifest
from medmultipoints.data_lake.witnesses.executors import ExecutorName, Run, open_model
from medmultipoints.data_lake.witnesses.model_file import Model
from medmultipoints.data_lake.witnesses.predict import released_pictures
from medmultipoints.transforms.errors import DataError, UsageError
from medmultipoints.transforms.masks.run_lengths import decode_rle
from medmultipoints.transforms.pictures.decode import decode_image
from medmultipoints.transforms.witnesses.clicks import Predict, Session, click_object, summarise
from medmultipoints.transforms.witnesses.label_agreement import in_size
from medmultipoints.transforms.witnesses.network import Click, Pixels, in_frame, to_probabilities, to_tensor

ROUNDS: Final = 10
Mask = NDArray[np.bool_]


def evaluate_clicks(
    folder: Path,
    manifest: Manifest,
    model: Model,
    *,
    split: str | None = None,
    rounds: int = ROUNDS,
    most: int | None = None,
    executor: ExecutorName = "opencv",
    progress: Callable[[int], None] = lambda _done: None,
) -> dict[str, Any]:
    """Return the metrics over all objects with masks of the model's labels, in pictures that it was not trained on.

    ``most``: the maximum number of objects, drawn by the hash of their ids. UsageError for a model that takes no
    clicks, DataError if no object is left.
    """
    if not model.declared.input.click_radius:
        raise UsageError(f"model {model.name}: it takes no clicks ([input] click_radius is 0). Use a model that does.")
    check_split(manifest, split)
    chosen, learned = _choose(folder, manifest, model, split, most)
    run = open_model(model, executor)
    by_image = chosen.partition_by("image_sha256", as_dict=True)
    sessions: dict[str, Session] = {}
    for shown in released_pictures(folder, manifest, split):
        if (objects := by_image.get((shown.image_sha256,))) is not None:
            pixels = decode_image(shown.data).pixels
            sessions |= {row["object_id"]: _session(row, model, run, pixels, rounds) for row in objects.to_dicts()}
            progress(len(sessions))
    ordered = dict(sorted(sessions.items()))
    rows = [{"object_id": name, **_session_entry(session)} for name, session in ordered.items()]
    named = {"model": model.name, "model_sha256": model.sha256, "learned": learned}
    return named | summarise([*ordered.values()], rounds) | {"sessions": rows}


def _choose(
    folder: Path, manifest: Manifest, model: Model, split: str | None, most: int | None
) -> tuple[pl.DataFrame, int]:
    """Return the chosen objects, and the number of those in pictures that the model was trained on."""
    images = read_parquet(folder, manifest, "images", split)
    learned = [
        sha256
        for sha256, group, luma in images.select("image_sha256", "group_id", "luma_blake3").iter_rows()
        if model.learned(group, luma)
    ]
    objects = read_parquet(folder, manifest, "objects", split).filter(
        pl.col("rle").is_not_null(),
        pl.col("label").is_in(model.declared.output.labels),
    )
    sizes = images.select("image_sha256", "original_width", "original_height")
    unlearned = objects.filter(~pl.col("image_sha256").is_in(learned))
    found = unlearned.join(sizes, on="image_sha256").sort("object_id")
    drawn = sorted(found["object_id"], key=lambda name: hashlib.sha256(name.encode()).digest())[:most]
    if not drawn:
        raise DataError(
            f"{folder}: no object with a mask of {', '.join(model.declared.output.labels)} is in a picture that "
            f"{model.name} was not trained on. Give another --split or another model."
        )
    return found.filter(pl.col("object_id").is_in(drawn)), objects.height - unlearned.height


def _session(row: dict[str, Any], model: Model, run: Run, pixels: Pixels, rounds: int) -> Session:
    height, width = pixels.shape[:2]
    truth = in_size(decode_rle(row["rle"], row["original_height"], row["original_width"]), (width, height))
    return click_object(truth, predictor(model, run, pixels, row["label"]), rounds)


def predictor(model: Model, run: Run, pixels: Pixels, label: str) -> Predict:
    """Return a function that predicts the mask of a label after the given clicks."""
    network = model.declared.network
    place, (height, width) = network.labels.index(label), pixels.shape[:2]

    def predict(clicks: Sequence[Click], previous: Mask) -> Mask:
        output = run(to_tensor(pixels, network, clicks, previous))
        probabilities = to_probabilities(output[0], network)[place]
        return np.asarray(in_frame(probabilities, width, height) >= network.threshold, np.bool_)

    return predict


def _session_entry(session: Session) -> dict[str, Any]:
    rounds = [
        {"x": one.click.x, "y": one.click.y, "positive": one.click.positive}
        | {"dice": round(one.dice, 4), "iou": round(one.iou, 4)}
        for one in session.rounds
    ]
    return {"clicks": session.clicks, "rounds": rounds}
