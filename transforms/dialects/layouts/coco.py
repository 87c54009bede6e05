"""COCO detection and keypoints: one annotation file per split, pictures in one folder.

Ids depend on the data alone: image ids on ``image_sha256``, annotation ids on the object id (the first 13 hex digits
of its sha256, plus 1), category ids on the position in the sorted labels of the release.
Images without annotation are listed. As in LVIS, ``neg_category_ids`` are certainly absent and
``not_exhaustive_category_ids`` may have unannotated objects.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import orjson

from medmultipoints.transforms.dialects.items import Contents, Picture, Placement
from medmultipoints.transforms.dialects.layouts.names import check_unique, stable_id
from medmultipoints.transforms.dialects.layouts.released_masks import mask_code
from medmultipoints.transforms.records import ReleasedObject
from medmultipoints.transforms.regions.boxes import to_coco

DETECTION: Final = "instances"
KEYPOINTS: Final = "person_keypoints"  # COCO's name of the task, which readers expect
_VISIBLE: Final = 2

Files = Iterator[tuple[str, Iterable[bytes]]]


def place(pictures: Iterable[Picture], _split: str) -> Placement:
    """Return the placement of every picture under its hash."""
    return Placement({picture.sample_id: f"images/{picture.file}" for picture in pictures})


def annotation_path(task: str, split: str) -> str:
    """Return the path of a split's annotation file."""
    return f"annotations/{task}_{split}.json"


def encode_detection(pictures: Iterable[Picture], contents: Contents, split: str) -> Files:
    """Yield the annotation file with boxes and, if there is a mask, its RLE in the released picture."""
    yield annotation_path(DETECTION, split), _document(pictures, contents, _detection, {})


def encode_keypoints(pictures: Iterable[Picture], contents: Contents, split: str) -> Files:
    """Yield the annotation file with one keypoint per object (the released point) and its box."""
    keypoints = {"keypoints": ["point"], "skeleton": []}
    yield annotation_path(KEYPOINTS, split), _document(pictures, contents, _keypoint, keypoints)


def image_id(picture: Picture) -> int:
    """Return the id of a picture, equal in every build."""
    return stable_id(picture.image_sha256)


def _document(
    pictures: Iterable[Picture],
    contents: Contents,
    annotate: Callable[[Picture, ReleasedObject], dict[str, Any]],
    more: dict[str, Any],
) -> Iterator[bytes]:
    """Yield the file in pieces; ``pictures`` are iterated twice."""
    categories = {label: number for number, label in enumerate(contents.labels, 1)}
    check_unique((image_id(picture) for picture in pictures), "image id")
    check_unique((stable_id(found.object_id) for picture in pictures for found in picture.objects), "annotation id")
    info = {"description": f"{contents.name} {contents.version}", "version": contents.version}
    licences = [{"id": number, "name": name, "url": ""} for number, name in enumerate(contents.licences, 1)]
    listed = [{"id": number, "name": label, "supercategory": "", **more} for label, number in categories.items()]
    yield b'{"info": %b,\n"licenses": %b,\n"categories": %b' % tuple(map(orjson.dumps, (info, licences, listed)))
    yield from _array("images", (_image(picture, contents, categories) for picture in pictures))
    rows = (
        {"id": stable_id(found.object_id), "image_id": image_id(picture), "category_id": categories[found.label]}
        | annotate(picture, found)
        for picture in pictures
        for found in picture.objects
    )
    yield from _array("annotations", rows)
    yield b"}\n"


def _array(key: str, rows: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    yield b',\n"%b": [' % key.encode()
    for number, row in enumerate(rows):
        yield (b",\n" if number else b"\n") + orjson.dumps(row)
    yield b"]"


def _image(picture: Picture, contents: Contents, categories: Mapping[str, int]) -> dict[str, Any]:
    """Return the image entry of a picture, with absent and incompletely annotated categories."""
    present = {found.label for found in picture.objects}
    row = {
        "id": image_id(picture),
        "file_name": picture.file,
        "width": picture.size.width,
        "height": picture.size.height,
        "license": contents.licences.index(picture.licence) + 1,
        "sample_id": picture.sample_id,
        "neg_category_ids": [categories[label] for label in picture.certain if label not in present],
        "not_exhaustive_category_ids": [number for label, number in categories.items() if label not in picture.certain],
    }
    frame = {"video_id": picture.video_id, "frame_index": picture.frame_index}
    return row | (frame if picture.video_id is not None else {})


def _detection(picture: Picture, found: ReleasedObject) -> dict[str, Any]:
    mask = mask_code(picture, found)
    row: dict[str, Any] = {"bbox": list(to_coco(found.box)), "area": mask[1] if mask else found.box.area, "iscrowd": 0}
    # Readers expect this key; without a mask the list of polygons is empty.
    row["segmentation"] = {"size": [*reversed(picture.size)], "counts": mask[0]} if mask else []
    track = {"track_id": found.track_id} if found.track_id is not None else {}
    return row | track | {"truncated": found.truncated, "object_id": found.object_id}


def _keypoint(picture: Picture, found: ReleasedObject) -> dict[str, Any]:
    keypoints = {"keypoints": [found.point.x, found.point.y, _VISIBLE], "num_keypoints": 1}
    return _detection(picture, found) | keypoints
