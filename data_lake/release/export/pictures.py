"""Write the picture files of an export and the crops that instructions show; a release stores no crops."""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from medmultipoints.data_lake.release.read.released_tables import Picture, read_sound_pictures
from medmultipoints.data_lake.release.write.manifest import Manifest
from medmultipoints.transforms.dialects.frames import Size
from medmultipoints.transforms.dialects.layouts.rendering import Render, cut_crop, resizing
from medmultipoints.transforms.errors import DataError, MemberProblem
from medmultipoints.transforms.pictures.crops import Crop, read_crop
from medmultipoints.transforms.pictures.decode import decode_image

AS_RELEASED: Render = resizing(None)
Crops = Mapping[str, Mapping[str, Crop]]


def write_pictures(
    release: tuple[Path, Manifest], split: str, to: Path, paths: Mapping[str, str], *,
    shown: Collection[str] = (), render: Render = AS_RELEASED,
) -> int:  # fmt: skip
    """Write the pictures of a split to their ``paths`` (by sample_id) below ``to``, with the crops among ``shown``.

    Returns the number of files. DataError for a picture or crop that is damaged or not in the release.
    """
    missing, written, crops = dict(paths), set[str](), crops_among(shown)
    for stored in read_sound_pictures(*release, split):
        path = missing.pop(stored.sample_id, None)
        if path is not None:
            for place, data in _rendered(stored, path, render, crops):
                write_atomically(to / place, [data])
                written.add(place)
    if missing:
        raise DataError(f"image {min(missing)}: no record of the release holds its picture; verify the release.")
    refuse_unwritten(crops, written)
    return len(written)


def crops_among(paths: Iterable[str]) -> Crops:
    """Return the crops among the paths, by the sha256 of their picture and by path, sorted."""
    found: dict[str, dict[str, Crop]] = {}
    for path in sorted(paths):
        if crop := read_crop(path):
            found.setdefault(crop.image_sha256, {})[path] = crop
    return found


def cut_crops(picture: Picture, crops: Crops) -> Iterator[tuple[str, bytes]]:
    """Yield path and PNG of each crop of a picture.

    DataError for a damaged picture and for a crop that extends beyond it.
    """
    wanted = crops.get(picture.image_sha256, {})
    if wanted:
        with _explained(picture):
            pixels = decode_image(picture.data).pixels
            yield from ((path, cut_crop(pixels, crop)) for path, crop in wanted.items())


def _rendered(stored: Picture, path: str, render: Render, crops: Crops) -> Iterator[tuple[str, bytes]]:
    """Yield the picture and its crops with their paths; crops are cut from the released pixels, then rendered."""
    with _explained(stored):
        yield path, render(stored.data, Size(stored.width, stored.height))
        for place, data in cut_crops(stored, crops):
            crop = crops[stored.image_sha256][place]
            yield place, render(data, Size(crop.width, crop.height))


def refuse_unwritten(crops: Crops, written: Collection[str]) -> None:
    """Raise DataError for a crop that was not written because the release has no picture of that sha256."""
    for path in sorted(path for own in crops.values() for path in own if path not in written):
        raise DataError(f"{path}: the split has no image to cut it from; verify the release.")


@contextmanager
def _explained(picture: Picture) -> Iterator[None]:
    try:
        yield
    except MemberProblem as problem:
        raise DataError(f"record {picture.record_id}: its picture is damaged ({problem}); verify it.") from problem
    except ValueError as error:
        raise DataError(f"record {picture.record_id}: {error}; verify the release.") from error


def write_atomically(path: Path, chunks: Iterable[bytes]) -> None:
    """Write the chunks as one file atomically; create its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.writelines(chunks)
    os.replace(part, path)
