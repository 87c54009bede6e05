"""Ask for the box, in the whole image, of the object shown by a crop."""

import math
from collections.abc import Iterator, Sequence
from typing import Final

from medmultipoints.transforms.instructions.answers.shapes import BOX
from medmultipoints.transforms.instructions.naming.lexicon import Lexicon
from medmultipoints.transforms.instructions.phrases import CROP_MARGINS, LEAST_CROP_PX, MOST_CROP
from medmultipoints.transforms.instructions.proofs.reading import Reading, find_object, label_of, require
from medmultipoints.transforms.instructions.questions.question import Question, QuestionContext, object_question
from medmultipoints.transforms.instructions.scenes import Scene
from medmultipoints.transforms.instructions.task import Task
from medmultipoints.transforms.pictures.crops import Crop, crop_path
from medmultipoints.transforms.records import ReleasedObject

_SLACK_PX: Final = 1e-6  # tolerance for sums of decimals


def ask(group: Sequence[Scene], context: QuestionContext) -> Iterator[Question]:
    """Ask at most one question per record, about an object that a crop shows whole and alone."""
    for scene in group:
        for label, record_id in scene.records.items():
            if label not in scene.certain or not context.kept("crop_grounding", record_id):
                continue
            crops = {item: crop for item in scene.of(label) if (crop := _crop(scene, item, context)) is not None}
            if not crops:
                continue
            item = context.pick(list(crops), "crop_grounding", record_id)
            name = context.name("crop_grounding", [scene], label, record_id)
            path = crop_path(crops[item], scene.width, scene.height)
            yield object_question("crop_grounding", scene, item, name, crops=(path,))


def _crop(scene: Scene, item: ReleasedObject, context: QuestionContext) -> Crop | None:
    """Return the box widened by a random share on each side; None if that crop is not suitable."""
    (x1, y1, x2, y2), (width, height) = item.box, item.sides
    left, top, right, bottom = (_share(context, item, edge) for edge in ("left", "top", "right", "bottom"))
    crop = Crop(
        scene.image_sha256,
        max(math.floor(x1 - left * width), 0),
        max(math.floor(y1 - top * height), 0),
        min(math.ceil(x2 + right * width), scene.width),
        min(math.ceil(y2 + bottom * height), scene.height),
    )
    sized = min(crop.width, crop.height) >= LEAST_CROP_PX
    sized = sized and crop.width * crop.height <= MOST_CROP * scene.width * scene.height
    if not sized or item.truncated:
        return None
    alone = all(other is item for other in scene.meeting(crop.x1, crop.y1, crop.x2, crop.y2))
    return crop if alone else None


def _share(context: QuestionContext, item: ReleasedObject, edge: str) -> float:
    least, most = CROP_MARGINS
    return least + (most - least) * context.draw("crop_grounding", item.object_id, edge)


def prove(reading: Reading, scenes: Sequence[Scene], lexicon: Lexicon) -> tuple[str, ...]:
    """Return the id of the object that the crop shows."""
    (scene,), (crop,) = scenes, reading.crops
    require(not reading.given, "given_differs")
    label = label_of(lexicon, scenes, reading.answer["label"])
    require(label in scene.certain, "absence_uncertain")
    require(crop.image_sha256 == scene.image_sha256 and crop.fits(scene.width, scene.height), "crop_differs")
    meant = find_object(scene.of(label), reading.answer["bbox_2d"], "boxes_differ")
    require([item for item in scene.objects if not _apart(item, crop)] == [meant], "referent_not_unique")
    sides, area = (crop.width, crop.height), scene.width * scene.height
    require(min(sides) >= LEAST_CROP_PX and sides[0] * sides[1] <= area * MOST_CROP, "crop_differs")
    require(not meant.truncated and _widened(meant, crop, scene), "crop_differs")
    return (meant.object_id,)


def _apart(item: ReleasedObject, crop: Crop) -> bool:
    x1, y1, x2, y2 = item.box
    return x2 <= crop.x1 or x1 >= crop.x2 or y2 <= crop.y1 or y1 >= crop.y2


def _widened(item: ReleasedObject, crop: Crop, scene: Scene) -> bool:
    """Return whether each crop edge lies within the margins around the box, or at the image's border."""
    least, most = CROP_MARGINS
    x1, y1, x2, y2 = item.box
    beyond = (x1 - crop.x1, y1 - crop.y1, crop.x2 - x2, crop.y2 - y2)
    at_border = (crop.x1 == 0, crop.y1 == 0, crop.x2 == scene.width, crop.y2 == scene.height)
    return all(
        (border or margin >= least * side - _SLACK_PX) and 0 <= margin < most * side + 1 + _SLACK_PX
        for margin, side, border in zip(beyond, item.sides * 2, at_border, strict=True)
    )


TASK = Task(
    name="crop_grounding",
    ask=ask,
    prove=prove,
    shape={"bbox_2d": BOX, "label": str},
    images=2,
    crops=1,
)
