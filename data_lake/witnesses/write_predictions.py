"""Write predictions about a release and further pictures to the file that a recipe pins."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from medmultipoints.data_lake.release.read.released_tables import check_split, read_parquet
from medmultipoints.data_lake.release.write.files import FileEntry
from medmultipoints.data_lake.release.write.manifest import Manifest, read_manifest
from medmultipoints.data_lake.witnesses.executors import ExecutorName
from medmultipoints.data_lake.witnesses.model_file import Model, load_model
from medmultipoints.data_lake.witnesses.predict import Asked, Shown, ask_models, loose_pictures, released_pictures
from medmultipoints.data_lake.witnesses.predictions_file import PREDICTIONS, Row, write_predictions
from medmultipoints.transforms.errors import DataError, MachineError, UsageError
from medmultipoints.transforms.witnesses.summary import note_unknown_labels


def predict_release(
    folder: Path,
    names: Sequence[str],
    out: Path,
    *,
    pictures: Sequence[Path] = (),
    split: str | None = None,
    executor: ExecutorName = "opencv",
    workers: int = 1,
    progress: Callable[[int, int | None], None] = lambda _done, _total: None,
) -> dict[str, Any]:
    """Write ``predictions.parquet`` to ``out`` and return its statistics."""
    manifest = read_manifest(folder)
    check_split(manifest, split)
    _check_there(pictures)
    models = _load_models(names)
    notes = _check_labels(models, folder, manifest)
    total = None if pictures else read_parquet(folder, manifest, "images", split).height
    asked = Asked()
    with TemporaryDirectory() as scratch:
        shown = _pictures(folder, manifest, split, pictures, Path(scratch))
        ask = partial(ask_models, executor=executor, workers=workers, asked=asked)
        rows = list(ask(shown, models, progress=lambda done: progress(done, total)))
    if not rows:
        raise DataError(f"{folder}: every model was trained on every picture, so none may judge one.")
    entry = _write(out, rows, models)
    counts = {"pictures": asked.pictures, "judged": len(rows), "learned": asked.learned, "unreadable": asked.unreadable}
    return {
        "file": str(out / PREDICTIONS),
        "sha256": entry.sha256,
        "models": [model.name for model in models],
        **counts,
        "objects": sum(row["count"] for row in rows),
        "notes": notes,
    }


def _check_there(pictures: Sequence[Path]) -> None:
    """Raise UsageError for a path that does not exist, before the pictures of the release are judged."""
    for path in pictures:
        if not path.exists():
            raise UsageError(f"--pictures {path}: no such file or folder. Give a folder or an archive of pictures.")


def _load_models(names: Sequence[str]) -> list[Model]:
    models = [load_model(name) for name in names]
    if len({model.sha256 for model in models}) < len(models):
        raise UsageError("--model: one ONNX file is given twice. Give each model once.")
    return models


def _write(out: Path, rows: Sequence[Row], models: Sequence[Model]) -> FileEntry:
    try:
        out.mkdir(parents=True, exist_ok=True)
        return write_predictions(out / PREDICTIONS, rows, [model.statement() for model in models])
    except OSError as error:
        raise MachineError(f"{out}: {error.strerror}. Choose another --out.") from error


def _check_labels(models: Sequence[Model], folder: Path, manifest: Manifest) -> list[str]:
    """Return a note on each model with labels that the release lacks; UsageError if it has no other."""
    released = set(read_parquet(folder, manifest, "data")["label"])
    for model in models:
        known = model.declared.output.labels
        if released and not released & set(known):
            raise UsageError(
                f"model {model.name}: it knows {', '.join(known)}, the release has {', '.join(sorted(released))}. "
                "Name its labels as the release does, in [output] labels."
            )
    released |= {*manifest.recipe.get("labels", {}).get("names", {}).values()}
    return note_unknown_labels({model.name: model.declared.output.labels for model in models}, released)


def _pictures(
    folder: Path, manifest: Manifest, split: str | None, further: Sequence[Path], scratch: Path
) -> Iterator[Shown]:
    """Yield the pictures of the release, then those of folders and archives that it does not contain."""
    known = set(read_parquet(folder, manifest, "images")["image_sha256"])
    loose = chain.from_iterable(loose_pictures(path, scratch) for path in further)
    yield from released_pictures(folder, manifest, split)
    for shown in loose:
        if shown.image_sha256 not in known:
            known.add(shown.image_sha256)
            yield shown
