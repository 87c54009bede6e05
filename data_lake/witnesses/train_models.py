"""Train the small model on a release with cross-fitting: each model leaves out some groups, and judges those.

Groups of one split are divided into folds; the model of a fold is trained on all other folds. A picture of that split
is judged by the one model that was not trained on its group, a picture of another split by all models.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import orjson
import polars as pl
from numpy.typing import NDArray

from medmultipoints.data_lake.release.read.released_tables import check_split, read_parquet
from medmultipoints.data_lake.release.write.manifest import Manifest, read_manifest
from medmultipoints.data_lake.witnesses.model_file import Model, learned_bytes, load_model
from medmultipoints.data_lake.witnesses.onnx_export import onnx_bytes
from medmultipoints.data_lake.witnesses.predict import Shown, ask_models, released_pictures
from medmultipoints.data_lake.witnesses.predictions_file import Row
from medmultipoints.data_lake.witnesses.small_unet import SIDE, Example, network_of, train
from medmultipoints.transforms.errors import DataError, UsageError
from medmultipoints.transforms.masks.mask_sets import union_of
from medmultipoints.transforms.pictures.decode import decode_image
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.witnesses.label_agreement import Agreement, agreement_of, summarise
from medmultipoints.transforms.witnesses.network import Network, to_tensor

LEAST_PICTURES: Final = 8
Truths = Mapping[str, NDArray[np.bool_]]
"""The labelled pixels of a picture by label, in the frame of its original."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A picture of a release with masks: its groups, and its encoded masks by label."""

    image_sha256: str
    luma_blake3: str
    group_id: str
    source: str
    split: str
    licence: str
    size: tuple[int, int]
    rles: Mapping[str, tuple[str, ...]]

    def truths(self, labels: Iterable[str]) -> Truths:
        """Return the union of the masks of each label; empty if it has none."""
        return {label: union_of(self.rles.get(label, ()), *self.size) for label in labels}


def labelled_pictures(folder: Path, manifest: Manifest) -> list[Labelled]:
    """Return the pictures with objects all of which have masks, sorted by hash."""
    images = read_parquet(folder, manifest, "images")
    objects = read_parquet(folder, manifest, "objects").select("image_sha256", "label", "rle")
    masked = (
        objects.group_by("image_sha256")
        .agg("label", "rle")
        .filter(pl.col("rle").list.eval(pl.element().is_null()).list.any().not_())
    )
    found = []
    for row in images.join(masked, on="image_sha256").sort("image_sha256").iter_rows(named=True):
        pairs = list(zip(row["label"], row["rle"], strict=True))
        rles = {label: tuple(sorted(rle for own, rle in pairs if own == label)) for label in {one for one, _ in pairs}}
        names = ("image_sha256", "luma_blake3", "group_id", "source", "split", "licence")
        size = row["original_width"], row["original_height"]
        found.append(Labelled(**{name: row[name] for name in names}, size=size, rles=rles))
    return found


def divide_groups(pictures: Sequence[Labelled], folds: int, seed: int) -> list[list[Labelled]]:
    """Return the pictures in folds of similar size, with whole groups; DataError for too few groups or pictures."""
    groups: dict[str, list[Labelled]] = {}
    for one in pictures:
        groups.setdefault(one.group_id, []).append(one)
    if len(groups) < folds or len(pictures) < LEAST_PICTURES:
        raise DataError(
            f"{plural(len(pictures), 'picture')} with masks in {plural(len(groups), 'group')}, too few for {folds} "
            "folds. "
            f"Give a release with at least {LEAST_PICTURES} such pictures, or fewer --folds."
        )
    divided: list[list[Labelled]] = [[] for _ in range(folds)]
    for name in sorted(groups, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest()):
        min(divided, key=len).extend(groups[name])
    return divided


@dataclass(frozen=True, slots=True)
class Training:
    """The training settings: a split of a release, the number of folds, and the steps of each."""

    split: str
    folds: int
    seed: int
    steps: int


def train_models(
    folder: Path, manifest: Manifest, out: Path, training: Training, progress: Callable[[int, int, int], None]
) -> list[Model]:
    """Train one model per fold and write it to ``out``; ``progress`` receives fold, step and steps."""
    pictures = [one for one in labelled_pictures(folder, manifest) if one.split == training.split]
    folds = divide_groups(pictures, training.folds, training.seed)
    labels = sorted({label for one in pictures for label in one.rles})
    network = network_of(labels)
    examples = {one.image_sha256: one for one in pictures}
    tensors = {
        shown.image_sha256: make_example(shown, examples[shown.image_sha256], network)
        for shown in released_pictures(folder, manifest, training.split)
        if shown.image_sha256 in examples
    }
    models = []
    for number in range(training.folds):
        own = [one for place, fold in enumerate(folds) if place != number for one in fold]
        own.sort(key=lambda one: one.image_sha256)

        def report(step: int, steps: int, number: int = number) -> None:
            progress(number + 1, step, steps)

        weights = train(
            [tensors[one.image_sha256] for one in own],
            len(labels),
            seed=training.seed * 1000 + number,
            steps=training.steps,
            progress=report,
        )
        data = onnx_bytes(weights, len(labels))
        models.append(write_model(out, f"small-unet-{number + 1}", data, network, own, manifest, training))
    return models


def make_example(shown: Shown, labelled: Labelled, network: Network) -> Example:
    """Return a picture and its masks in input size."""
    tensor = to_tensor(decode_image(shown.data).pixels, network)
    truths = labelled.truths(network.labels)
    small = [
        cv2.resize(truths[label].astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        for label in network.labels
    ]
    return Example(tensor, np.stack(small) >= 0.5)


def write_model(
    out: Path,
    name: str,
    data: bytes,
    network: Network,
    learned: Sequence[Labelled],
    manifest: Manifest,
    training: Training,
) -> Model:
    """Write a model, its training list and its declaration; return the model as read back."""
    known = learned_bytes(frozenset(one.group_id for one in learned), frozenset(one.luma_blake3 for one in learned))
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}.onnx").write_bytes(data)
    (out / f"{name}.learned.json").write_bytes(known)
    text = _DECLARATION.format(
        name=name,
        sha256=hashlib.sha256(data).hexdigest(),
        licences=", ".join(sorted({one.licence for one in learned})),
        network=network,
        mean=list(network.mean),
        std=list(network.std),
        labels=orjson.dumps(list(network.labels)).decode(),
        release=manifest.title,
        training=training,
        learned=hashlib.sha256(known).hexdigest(),
    )
    (out / f"{name}.toml").write_text(text, "utf-8")
    return load_model(str(out / f"{name}.toml"))


_DECLARATION: Final = """name = "{name}"
task = "segmentation"
file = "{name}.onnx"
sha256 = "{sha256}"
licence = "derived from pictures under {licences}"
source = "medmultipoints train-witness"

[input]
width = {network.width}
height = {network.height}
mean = {mean}
std = {std}
click_radius = {network.click_radius}

[output]
labels = {labels}
activation = "{network.activation}"
threshold = {network.threshold}

[trained_on]
release = "{release}"
split = "{training.split}"
seed = {training.seed}
file = "{name}.learned.json"
sha256 = "{learned}"
"""


def train_and_score(
    folder: Path, out: Path, training: Training, workers: int, progress: Callable[[int, int], None]
) -> dict[str, Any]:
    """Train the models of a release and return their score, also written to ``score.json``.

    ``out_of_fold``: pictures of the split, by the model that left out their group; ``other_splits``: by each model.
    """
    if missing := [package for package in ("jax", "onnx") if find_spec(package) is None]:
        raise UsageError(f"train-witness needs {' and '.join(missing)}. Install medmultipoints[train].")
    manifest = read_manifest(folder)
    check_split(manifest, training.split)
    steps = training.steps * training.folds
    models = train_models(
        folder, manifest, out, training, lambda fold, step, _: progress((fold - 1) * training.steps + step, steps)
    )
    rows = score_models(folder, manifest, models, workers)
    keys = ("label", "source", "size")
    score = {
        "release": manifest.title,
        "manifest_root": manifest.manifest_root,
        **asdict(training),
        "models": {model.name: model.sha256 for model in models},
        "out_of_fold": summarise([row for row in rows if row["split"] == training.split], keys),
        "other_splits": summarise([row for row in rows if row["split"] != training.split], keys),
    }
    (out / "score.json").write_bytes(orjson.dumps(score, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    return score


def score_models(folder: Path, manifest: Manifest, models: Sequence[Model], workers: int) -> list[dict[str, Any]]:
    """Return the Dice of models on pictures they were not trained on: one row per picture, label and model."""
    known = {one.image_sha256: one for one in labelled_pictures(folder, manifest)}
    shown = (one for one in released_pictures(folder, manifest) if one.image_sha256 in known)
    return [row for found in ask_models(shown, models, workers=workers) for row in _score(found, known)]


def _score(row: Row, known: Mapping[str, Labelled]) -> Iterator[dict[str, Any]]:
    labelled = known[row["image_sha256"]]
    for label in sorted(set(labelled.rles) | set(row["labels"])):
        found: Agreement = agreement_of(row, label, labelled.size, labelled.rles.get(label, ()))
        yield {
            "image_sha256": labelled.image_sha256, "model": row["model"], "split": labelled.split,
            "source": labelled.source, "label": label, "share": found.share, "dice": found.dice,
        }  # fmt: skip
