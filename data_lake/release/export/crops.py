"""The crops that instructions show, cut from the pictures of a release: no release holds them, every export does."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from medmultipoints.data_lake.release.read.tables import Picture
from medmultipoints.transforms.dialects.rendering import cut_crop
from medmultipoints.transforms.errors import DataError, MemberProblem
from medmultipoints.transforms.pictures.crops import Crop, read_crop
from medmultipoints.transforms.pictures.decode import decode_image

Crops = Mapping[str, Mapping[str, Crop]]
NO_CROPS: Final[Crops] = {}


def crops_among(paths: Iterable[str]) -> Crops:
    """By the sha256 of its picture and by its path every crop among the paths, sorted."""
    found: dict[str, dict[str, Crop]] = {}
    for path in sorted(paths):
        if crop := read_crop(path):
            found.setdefault(crop.image_sha256, {})[path] = crop
    return found


def cut_crops(picture: Picture, crops: Crops) -> Iterator[tuple[str, bytes]]:
    """Path and PNG of each crop of a picture; DataError for a damaged picture and for a crop that passes its edge."""
    wanted = crops.get(picture.image_sha256, {})
    if not wanted:
        return
    try:
        pixels = decode_image(picture.data).pixels
        for path, crop in wanted.items():
            yield path, cut_crop(pixels, crop)
    except MemberProblem as problem:
        raise DataError(f"record {picture.record_id}: its picture is damaged ({problem}); verify it.") from problem
    except ValueError as error:
        raise DataError(f"record {picture.record_id}: {error}; verify the release.") from error


def refuse_left(crops: Crops, written: set[str]) -> None:
    """DataError for a crop that was not written: the release has no picture of that sha256 where it is asked for."""
    for path in sorted(path for own in crops.values() for path in own if path not in written):
        raise DataError(f"{path}: the split has no image to cut it from; verify the release.")
