"""Where does this piece come from? An image and a crop of it that shows one object: its box in the whole image."""

import math
from collections.abc import Iterator, Sequence

from medmultipoints.transforms.instructions.phrases import CROP_MARGINS, LEAST_CROP_PX, MOST_CROP
from medmultipoints.transforms.instructions.questions.question import Question, Words, ids, rounded
from medmultipoints.transforms.instructions.scenes import Scene, Thing
from medmultipoints.transforms.pictures.crops import Crop, crop_path


def ask_crop_grounding(group: Sequence[Scene], words: Words) -> Iterator[Question]:
    """At most one question for each record, about one of the objects that a crop shows whole and alone."""
    for scene in group:
        for label, record_id in scene.records.items():
            if label not in scene.certain or not words.kept("crop_grounding", record_id):
                continue
            crops = {thing: crop for thing in scene.of(label) if (crop := _crop(scene, thing, words)) is not None}
            if not crops:
                continue
            thing = words.pick(list(crops), "crop_grounding", record_id)
            name = words.name("crop_grounding", [scene], label, record_id)
            yield Question(
                task="crop_grounding",
                home=scene,
                record_id=record_id,
                crops=(crop_path(crops[thing], scene.width, scene.height),),
                label=label,
                name=name,
                content={"bbox_2d": rounded(thing.box), "label": name.singular},
                object_ids=ids([thing]),
            )


def _crop(scene: Scene, thing: Thing, words: Words) -> Crop | None:
    """The box, widened by a share of its own for each side; None where that is no crop to ask about."""
    (x1, y1, x2, y2), (width, height) = thing.box, thing.sides
    left, top, right, bottom = (_share(words, thing, edge) for edge in ("left", "top", "right", "bottom"))
    crop = Crop(
        scene.image_sha256,
        max(math.floor(x1 - left * width), 0),
        max(math.floor(y1 - top * height), 0),
        min(math.ceil(x2 + right * width), scene.width),
        min(math.ceil(y2 + bottom * height), scene.height),
    )
    sized = min(crop.width, crop.height) >= LEAST_CROP_PX
    sized = sized and crop.width * crop.height <= MOST_CROP * scene.width * scene.height
    alone = not any(_meets(crop, other) for other in scene.things if other is not thing)
    return crop if sized and alone and not thing.truncated else None


def _share(words: Words, thing: Thing, edge: str) -> float:
    least, most = CROP_MARGINS
    return least + (most - least) * words.draw("crop_grounding", thing.object_id, edge)


def _meets(crop: Crop, thing: Thing) -> bool:
    x1, y1, x2, y2 = thing.box
    return min(x2, crop.x2) > max(x1, crop.x1) and min(y2, crop.y2) > max(y1, crop.y1)
