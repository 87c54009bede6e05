"""Export corrected pictures as COCO, with all their released objects, for maintainers of a source.

COCO cannot express that an object was removed or changed: replace all annotations of these pictures.
Coordinates are pixels of the original image, which is identified by the sha256 of its bytes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medmultipoints.transforms.masks.run_lengths import decode_rle
from medmultipoints.transforms.review.entries import Seen

SAID = ("action", "label", "kind", "reason", "reviewer", "date")
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedPicture:
    """A picture with its released objects and the reviewers' decisions; without a size it is not released."""

    sample_id: str
    image_sha256: str
    decisions: Sequence[Row]
    size: tuple[int, int] | None = None
    objects: Sequence[Seen] = ()


def coco_page(title: str, pictures: Iterable[CorrectedPicture]) -> dict[str, Any]:
    """Return the pictures as one COCO file; excluded pictures are listed under ``excluded``."""
    found = sorted(pictures, key=lambda one: one.sample_id)
    kept = [one for one in found if one.size is not None]
    labels = sorted({seen.label for one in kept for seen in one.objects})
    categories = {label: number for number, label in enumerate(labels, 1)}
    shapes = [(number, seen, one.size) for number, one in enumerate(kept, 1) for seen in one.objects]
    return {
        "info": {"description": f"Corrected pictures of {title}: each with all its objects"},
        "images": [
            {"id": number, **_named(one), "width": one.size[0], "height": one.size[1]}
            for number, one in enumerate(kept, 1)
            if one.size
        ],
        "annotations": [
            {"id": number, "image_id": picture, "category_id": categories[seen.label], **_shape(seen, size)}
            for number, (picture, seen, size) in enumerate(shapes, 1)
            if size
        ],
        "categories": [{"id": number, "name": label} for label, number in categories.items()],
        "excluded": [_named(one) for one in found if one.size is None],
    }


def _named(one: CorrectedPicture) -> dict[str, Any]:
    decisions = [{name: row[name] for name in SAID if row[name]} for row in one.decisions]
    return {"file_name": one.sample_id, "sha256": one.image_sha256, "decisions": decisions}


def _shape(seen: Seen, size: tuple[int, int]) -> dict[str, Any]:
    box = seen.box
    own: dict[str, Any] = {"bbox": [box.x1, box.y1, box.width, box.height], "area": box.area, "iscrowd": 0}
    if seen.rle:
        width, height = size
        area = int(decode_rle(seen.rle, height, width).sum())
        own |= {"segmentation": {"size": [height, width], "counts": seen.rle}, "area": area}
    return own
