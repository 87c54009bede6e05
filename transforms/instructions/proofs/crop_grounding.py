"""Crop grounding proved: the crop is of the record's image and shows the object answered, whole, and no other."""

from collections.abc import Sequence
from typing import Final

from medmultipoints.transforms.instructions.lexicon import Lexicon
from medmultipoints.transforms.instructions.phrases import CROP_MARGINS, LEAST_CROP_PX, MOST_CROP
from medmultipoints.transforms.instructions.proofs.reading import Reading, find_thing, label_of, require
from medmultipoints.transforms.instructions.scenes import Scene, Thing
from medmultipoints.transforms.pictures.crops import Crop

_SLACK_PX: Final = 1e-6  # of sums of decimals


def prove_crop_grounding(reading: Reading, scenes: Sequence[Scene], lexicon: Lexicon) -> tuple[str, ...]:
    """The id of the object that the crop shows."""
    (scene,), (crop,) = scenes, reading.crops
    require(not reading.given, "given_differs")
    label = label_of(lexicon, scenes, reading.answer["label"])
    require(label in scene.certain, "absence_uncertain")
    require(crop.image_sha256 == scene.image_sha256 and crop.fits(scene.width, scene.height), "crop_differs")
    meant = find_thing(scene.of(label), reading.answer["bbox_2d"], "boxes_differ")
    require([thing for thing in scene.things if not _apart(thing, crop)] == [meant], "referent_not_unique")
    sides, area = (crop.width, crop.height), scene.width * scene.height
    require(min(sides) >= LEAST_CROP_PX and sides[0] * sides[1] <= area * MOST_CROP, "crop_differs")
    require(not meant.truncated and _widened(meant, crop, scene), "crop_differs")
    return (meant.object_id,)


def _apart(thing: Thing, crop: Crop) -> bool:
    x1, y1, x2, y2 = thing.box
    return x2 <= crop.x1 or x1 >= crop.x2 or y2 <= crop.y1 or y1 >= crop.y2


def _widened(thing: Thing, crop: Crop, scene: Scene) -> bool:
    """Whether the crop goes beyond each edge of the box by a share of its side, or to the border of the image."""
    least, most = CROP_MARGINS
    x1, y1, x2, y2 = thing.box
    beyond = (x1 - crop.x1, y1 - crop.y1, crop.x2 - x2, crop.y2 - y2)
    at_border = (crop.x1 == 0, crop.y1 == 0, crop.x2 == scene.width, crop.y2 == scene.height)
    return all(
        (border or margin >= least * side - _SLACK_PX) and 0 <= margin < most * side + 1 + _SLACK_PX
        for margin, side, border in zip(beyond, thing.sides * 2, at_border, strict=True)
    )
