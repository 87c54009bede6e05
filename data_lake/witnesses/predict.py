"""Run models on pictures: one row per picture and model, in threads, each with its own model instance."""

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from medmultipoints.data_lake.archives.source_files import open_source
from medmultipoints.data_lake.release.read.released_tables import read_parquet, read_sound_pictures
from medmultipoints.data_lake.release.write.manifest import Manifest
from medmultipoints.data_lake.witnesses.executors import ExecutorName, Run, open_model
from medmultipoints.data_lake.witnesses.model_file import Model
from medmultipoints.data_lake.witnesses.predictions_file import Row, prediction_id
from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.pictures.decode import decode_image, luma_blake3
from medmultipoints.transforms.pictures.thumbnails import to_luma
from medmultipoints.transforms.witnesses.network import Pixels, Tensor, to_probabilities, to_tensor, variants
from medmultipoints.transforms.witnesses.predicted_objects import Predicted, find_objects

PICTURE_NAMES = (".jpg", ".jpeg", ".png")
AT_ONCE = 8
"""Pictures in memory for each thread."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture to predict; ``group_id`` and ``luma_blake3`` come from the release, None if it is in none."""

    image_sha256: str
    stored_sha256: str
    group_id: str | None
    luma_blake3: str | None
    data: bytes


@dataclass(slots=True)
class Asked:
    """The numbers of pictures, of training pictures (once per model), and of files that do not decode."""

    pictures: int = 0
    learned: int = 0
    unreadable: int = 0


def released_pictures(folder: Path, manifest: Manifest, split: str | None = None) -> Iterator[Shown]:
    """Yield each picture of a release once, in the order of its files."""
    images = read_parquet(folder, manifest, "images", split).select("image_sha256", "group_id", "luma_blake3")
    known = {sha256: (group, luma) for sha256, group, luma in images.iter_rows()}
    for picture in read_sound_pictures(folder, manifest, split):
        if picture.image_sha256 in known:
            group, luma = known.pop(picture.image_sha256)
            yield Shown(picture.image_sha256, picture.stored_sha256, group, luma, picture.data)


def loose_pictures(path: Path, scratch: Path) -> Iterator[Shown]:
    """Yield the distinct JPEG and PNG files of a folder or archive; other files are skipped."""
    files, seen = open_source("pictures", path, scratch), set[str]()
    for name in files.names():
        if name.lower().endswith(PICTURE_NAMES):
            data = files.read(name)
            sha256 = hashlib.sha256(data).hexdigest()
            if sha256 not in seen:
                seen.add(sha256)
                yield Shown(sha256, sha256, None, None, data)


def ask_models(
    pictures: Iterable[Shown],
    models: Sequence[Model],
    *,
    executor: ExecutorName = "opencv",
    workers: int = 1,
    progress: Callable[[int], None] = lambda _done: None,
    asked: Asked | None = None,
) -> Iterator[Row]:
    """Yield each model's predictions on each picture it was not trained on, in the order of pictures and models.

    A damaged loose picture is counted as unreadable. The rows are the same with any number of threads.
    """
    counts, own = asked or Asked(), threading.local()

    def runs() -> list[Run]:
        if not hasattr(own, "runs"):
            own.runs = [open_model(model, executor) for model in models]
        found: list[Run] = own.runs
        return found

    runs()  # a faulty model is reported before any work
    waiting = iter(pictures)
    with ThreadPoolExecutor(workers, thread_name_prefix="witness") as pool:
        while batch := list(islice(waiting, AT_ONCE * workers)):
            for rows in pool.map(lambda shown: _ask(shown, models, runs()), batch):
                counts.pictures += 1
                counts.unreadable += rows is None
                counts.learned += len(models) - len(rows or ()) if rows is not None else 0
                progress(counts.pictures)
                yield from rows or ()


def _ask(shown: Shown, models: Sequence[Model], runs: Sequence[Run]) -> list[Row] | None:
    try:
        pixels = decode_image(shown.data).pixels
    except MemberProblem:
        return None
    luma = shown.luma_blake3 or luma_blake3(to_luma(pixels))
    return [
        prediction_row(shown, model, pixels, predict(model, run, pixels))
        for model, run in zip(models, runs, strict=True)
        if not model.learned(shown.group_id, luma)
    ]


def predict(model: Model, run: Run, pixels: Pixels) -> list[Predicted]:
    """Return the objects that a model predicts in an RGB picture."""
    network = model.declared.network
    return find_objects(_maps(model, run, variants(to_tensor(pixels, network))), network, pixels)


def _maps(model: Model, run: Run, batch: Tensor) -> Tensor:
    return np.stack([to_probabilities(one, model.declared.network) for one in run(batch)])


def prediction_row(shown: Shown, model: Model, pixels: Pixels, found: Sequence[Predicted]) -> Row:
    """Return the row of a picture and a model."""
    height, width = pixels.shape[:2]
    tones = [one.tone for one in found]
    return {
        "prediction_id": prediction_id(shown.image_sha256, model.sha256),
        "image_sha256": shown.image_sha256,
        "stored_sha256": shown.stored_sha256,
        "model": model.name,
        "model_sha256": model.sha256,
        "width": width,
        "height": height,
        "count": len(found),
        "labels": [one.label for one in found],
        "bbox": [[float(side) for side in one.box] for one in found],
        "rles": [one.rle for one in found],
        "areas_px": [one.area_px for one in found],
        "score_bins": [one.score_bin for one in found],
        "stabilities": [one.stability for one in found],
        "tones": [[one.luma, one.roughness, one.ring_luma, one.ring_roughness] if one else [] for one in tones],
    }
