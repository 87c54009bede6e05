"""Describe a region (position, size, shape, borders, neighbours) and its image in sentences."""

import json
import math
from collections.abc import Iterator, Sequence
from heapq import nsmallest

from medmultipoints.transforms.instructions import phrases
from medmultipoints.transforms.instructions.naming.names import Name
from medmultipoints.transforms.instructions.questions.question import (
    Question,
    QuestionContext,
    area_of,
    distinct,
    ids,
    rounded,
)
from medmultipoints.transforms.instructions.scenes import BORDER_PX, Scene
from medmultipoints.transforms.records import ReleasedObject, Tone

Sentence = tuple[str, list[ReleasedObject]]


def ask_description(group: Sequence[Scene], context: QuestionContext) -> Iterator[Question]:
    """Ask about one region of each record, given by its box.

    Images are skipped if they show classes that the release leaves out, or if organ, finding or class is unknown.
    """
    for scene in (one for one in group if one.is_described):
        if context.lexicon.present.get(scene.image_sha256, frozenset()) - {item.label for item in scene.objects}:
            continue
        for label, record_id in scene.records.items():
            clear = [item for item in scene.of(label) if distinct(item, scene)]
            if clear and context.kept("description", record_id):
                yield from _describe(scene, context.pick(clear, "description", record_id), record_id, context)


def _describe(scene: Scene, item: ReleasedObject, record_id: str, context: QuestionContext) -> Iterator[Question]:
    """Yield the question; none if a box in it also belongs to another object."""
    labels = {other.label for other in scene.objects}
    names = {label: context.name("description", [scene], label, record_id) for label in sorted(labels)}
    sentences = list(_sentences(scene, item, names))
    regions = [item]
    for _, rests_on in sentences:
        regions += [other for other in rests_on if other not in regions]
    if not all(distinct(one, scene) for one in regions):
        return
    content = {
        "caption": _caption(scene, names),
        "regions": [{"bbox_2d": rounded(one.box), "label": names[one.label].singular} for one in regions],
        "sentences": [
            {"text": text, "regions": [regions.index(one) for one in rests_on]} for text, rests_on in sentences
        ],
    }
    yield Question(
        task="description",
        home=scene,
        record_id=record_id,
        label=item.label,
        slots={"region": json.dumps({"bbox_2d": rounded(item.box)})},
        content=content,
        object_ids=ids(regions),
    )


def _caption(scene: Scene, names: dict[str, Name]) -> str:
    counts = {label: len(scene.of(label)) for label in names}
    parts = [f"{n} {names[label].singular if n == 1 else names[label].plural}" for label, n in counts.items()]
    same = scene.classification.lower() == scene.organ.lower()
    what = f"finding {scene.finding}" + ("" if same else f", class {scene.classification}")
    return f"{scene.organ}, {what}; annotated: {', '.join(parts)}."


def _sentences(scene: Scene, item: ReleasedObject, names: dict[str, Name]) -> Iterator[Sentence]:
    """Yield each sentence with the objects it refers to, the region itself first."""
    x, y = item.centre
    across, down = 100 * x / scene.width, 100 * y / scene.height
    place = phrases.place_of(x, y, scene.width, scene.height)
    at = f"its centre at {across:.1f} % of the width and {down:.1f} % of the height"
    yield f"The {names[item.label].singular} lies in the {place} of the image, {at}.", [item]
    area = area_of(item, scene)
    share = 100 * area / (scene.width * scene.height)
    what = "It" if item.area_px else "Its box"
    yield f"{what} covers {share:.2f} % of the image, so it is {phrases.size_word(share)}.", [item]
    yield f"Its box is {_shape(item, area)}.", [item]
    x1, y1, x2, y2 = item.box
    touched = [gap < BORDER_PX for gap in (x1, y1, scene.width - x2, scene.height - y2)]
    yield f"It touches {phrases.borders_text(touched)} of the image.", [item]
    yield from ((text, [item]) for text in _tone(item.tone))
    yield from _relations(scene, item, names)


def _shape(item: ReleasedObject, area: float) -> str:
    width, height = item.sides
    ratio = max(width, height) / min(width, height)
    more, less = ("wide", "high") if width >= height else ("high", "wide")
    form = "about as wide as high" if ratio < phrases.ROUND_ASPECT else f"{ratio:.1f} times as {more} as {less}"
    return form + (f", and the object fills {100 * area / (width * height):.0f} % of it" if item.area_px else "")


def _tone(tone: Tone | None) -> Iterator[str]:
    """Yield sentences that compare an object with its surroundings; none if this was not measured."""
    if tone is None:
        return
    lead, least = tone.luma - tone.ring_luma, phrases.CONTRAST
    words = "brighter than" if lead >= least else "darker than" if -lead >= least else "about as bright as"
    means = f"Its mean luma is {tone.luma:.2f}, that of the ring around it {tone.ring_luma:.2f}"
    yield f"{means}, so it is {words} its surroundings."
    own, ring, times = tone.roughness, tone.ring_roughness, phrases.TEXTURE
    words = "rougher than" if own > times * ring else "smoother than" if ring > times * own else "about as rough as"
    steps = f"Its luma changes by {own:.2f} from point to point, that of the ring by {ring:.2f}"
    yield f"{steps}, so it is {words} its surroundings."


def _relations(scene: Scene, item: ReleasedObject, names: dict[str, Name]) -> Iterator[Sentence]:
    if len(scene.objects) == 1:
        yield "No other object is annotated in the image.", [item]
        return
    own = item.centre
    away = [(math.dist(at, own), place) for place, at in enumerate(scene.centres)]
    (way, place), *rest = nsmallest(2, (pair for pair in away if scene.objects[pair[1]] is not item))
    if way > 0 and all(other >= phrases.NEAREST_LEAD * way for other, _ in rest):
        share, nearest = 100 * way / math.hypot(scene.width, scene.height), scene.objects[place]
        named = names[nearest.label].with_article
        apart = f"their centres are {share:.1f} % of the image's diagonal apart"
        yield f"The nearest other object is {named} {_direction(item, nearest)}; {apart}.", [item, nearest]
    touching = [other for other in scene.meeting(*item.box) if other is not item]
    if touching:
        many = "one other object" if len(touching) == 1 else f"{len(touching)} other objects"
        yield f"Its box overlaps with that of {many}.", [item, *touching]


def _direction(item: ReleasedObject, other: ReleasedObject) -> str:
    across, down = (b - a for a, b in zip(item.centre, other.centre, strict=True))
    column, row = "right" if across > 0 else "left", "lower" if down > 0 else "upper"
    if abs(across) >= 2 * abs(down):
        return f"to its {column}"
    if abs(down) >= 2 * abs(across):
        return "below it" if down > 0 else "above it"
    return f"to its {row} {column}"
