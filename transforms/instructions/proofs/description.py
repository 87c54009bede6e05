"""Prove a description: parse every sentence, measure it again, and check that none is missing."""

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final

import numpy as np

from medmultipoints.transforms.instructions.naming.lexicon import Lexicon
from medmultipoints.transforms.instructions.phrases import (
    BORDERS,
    COLUMNS,
    CONTRAST,
    LARGE,
    NEAREST_LEAD,
    ROUND_ASPECT,
    ROWS,
    SIZES,
    TEXTURE,
)
from medmultipoints.transforms.instructions.proofs.pairs import given_box
from medmultipoints.transforms.instructions.proofs.reading import Reading, Wrong, find_object, label_of, require
from medmultipoints.transforms.instructions.scenes import BORDER_PX, Scene
from medmultipoints.transforms.records import ReleasedObject

_NUMBER: Final = r"(\d+(?:\.\d+)?)"
_TEXTS: Final[Mapping[str, str]] = {
    "location": rf"The (.+) lies in the (\w+(?: \w+)?) of the image, its centre at {_NUMBER} % of the width "
    rf"and {_NUMBER} % of the height\.",
    "size": rf"(It|Its box) covers {_NUMBER} % of the image, so it is (.+)\.",
    "shape": rf"Its box is (?:(about as wide as high)|{_NUMBER} times as (wide as high|high as wide))"
    rf"(?:, and the object fills {_NUMBER} % of it)?\.",
    "border": r"It touches (no border|the (?:[\w, ]+) borders?) of the image\.",
    "contrast": rf"Its mean luma is {_NUMBER}, that of the ring around it {_NUMBER}, so it is "
    r"(brighter than|darker than|about as bright as) its surroundings\.",
    "texture": rf"Its luma changes by {_NUMBER} from point to point, that of the ring by {_NUMBER}, so it is "
    r"(rougher than|smoother than|about as rough as) its surroundings\.",
    "alone": r"No other object is annotated in the image\.",
    "nearest": r"The nearest other object is an? (.+) (above it|below it|to its [\w ]+); "
    rf"their centres are {_NUMBER} % of the image's diagonal apart\.",
    "overlap": r"Its box overlaps with that of (one|\d+) other objects?\.",
}
_FORMS: Final = {kind: re.compile(text) for kind, text in _TEXTS.items()}


def prove_description(reading: Reading, scenes: Sequence[Scene], lexicon: Lexicon) -> tuple[str, ...]:
    """Return the ids of the regions, the requested one first."""
    (scene,), stated = scenes, reading.answer
    released = {item.label for item in scene.objects}
    require(lexicon.present.get(scene.image_sha256, released) <= released, "objects_left_out")
    asked = find_object(scene.objects, given_box(reading), "given_differs")
    regions = [find_object(scene.objects, region["bbox_2d"], "boxes_differ") for region in stated["regions"]]
    require(regions[:1] == [asked] and len({one.object_id for one in regions}) == len(regions), "regions_differ")
    for region, item in zip(stated["regions"], regions, strict=True):
        require(label_of(lexicon, scenes, region["label"]) == item.label, "label_differs")
    _prove_caption(stated["caption"], scene, lexicon)
    said = [_take_apart(sentence["text"]) for sentence in stated["sentences"]]
    require([kind for kind, _ in said] == _wanted(scene, asked), "sentences_differ")
    for (kind, parts), sentence in zip(said, stated["sentences"], strict=True):
        require(all(0 <= place < len(regions) for place in sentence["regions"]), "regions_differ")
        rests_on = [regions[place] for place in sentence["regions"]]
        require(rests_on[:1] == [asked], "regions_differ")
        require(_PROOFS[kind](parts, scene, asked, rests_on[1:], lexicon), f"{kind}_differs")
    used = {place for sentence in stated["sentences"] for place in sentence["regions"]}
    require(used == set(range(len(regions))), "regions_differ")
    return tuple(item.object_id for item in regions)


def _take_apart(text: str) -> tuple[str, tuple[str | None, ...]]:
    for kind, form in _FORMS.items():
        if found := form.fullmatch(text):
            return kind, found.groups()
    raise Wrong("sentences_differ")


def _wanted(scene: Scene, asked: ReleasedObject) -> list[str]:
    kinds = ["location", "size", "shape", "border", *(["contrast", "texture"] if asked.tone else [])]
    if len(scene.objects) == 1:
        return [*kinds, "alone"]
    return kinds + ["nearest"] * bool(_nearest(scene, asked)) + ["overlap"] * bool(_overlapping(scene, asked))


def _nearest(scene: Scene, asked: ReleasedObject) -> list[tuple[ReleasedObject, float]]:
    """Return the nearest object with its distance, if it leads by the margin."""
    own = asked.centre
    ways = [math.dist(centre, own) for centre in scene.centres]
    places = [place for place, item in enumerate(scene.objects) if item is not asked]
    first = min(places, key=ways.__getitem__)
    rest = min((ways[place] for place in places if place != first), default=math.inf)
    return [(scene.objects[first], ways[first])] if ways[first] > 0 and rest >= NEAREST_LEAD * ways[first] else []


def _overlapping(scene: Scene, asked: ReleasedObject) -> list[ReleasedObject]:
    return [other for other in scene.meeting(*asked.box) if other is not asked]


def _prove_caption(caption: str, scene: Scene, lexicon: Lexicon) -> None:
    """Raise Wrong unless the caption gives organ, finding, class and all counts of the image."""
    facts = [scene.organ, f"finding {scene.finding}", f"class {scene.classification}"]
    repeated = scene.organ.casefold() == scene.classification.casefold()
    start = ", ".join(facts[: 2 if repeated else 3]) + "; annotated: "
    require(caption.startswith(start) and caption.endswith("."), "caption_differs")
    counted: dict[str, int] = {}
    for part in caption[len(start) : -1].split(", "):
        number, _, words = part.partition(" ")
        named = _named(lexicon, plural=number != "1").get(words, ())
        require(number.isdecimal() and len(named) == 1, "caption_differs")
        label = label_of(lexicon, [scene], named[0])
        require(label not in counted, "caption_differs")
        counted[label] = int(number)
    require(counted == Counter(item.label for item in scene.objects), "caption_differs")


@lru_cache(maxsize=8)
def _named(lexicon: Lexicon, *, plural: bool) -> dict[str, tuple[str, ...]]:
    """Return the singulars of each singular or plural form."""
    found: dict[str, tuple[str, ...]] = {}
    for form in dict.fromkeys(lexicon.names.forms):
        words = form.plural if plural else form.singular
        found[words] = (*found.get(words, ()), form.singular)
    return found


def _near(said: str | None, true: float, digits: int) -> bool:
    """Return whether a number in a text equals the true number, rounded to ``digits`` decimals."""
    decimals = len(said.partition(".")[2]) if said else -1
    return decimals == digits and abs(float(said or 0) - true) <= 0.5 * 10**-digits + 1e-9


Parts = Sequence[str | None]


def _prove_location(
    parts: Parts, scene: Scene, asked: ReleasedObject, rest: Sequence[ReleasedObject], lexicon: Lexicon
) -> bool:
    name, place, across, down = parts
    sides = scene.width, scene.height
    thirds = [min(2, int(np.floor(3 * at / side))) for at, side in zip(asked.centre, sides, strict=True)]
    words = [ROWS[thirds[1]], COLUMNS[thirds[0]]]
    true = "centre" if words == ["middle", "centre"] else " ".join(words)
    percent = [100 * at / side for at, side in zip(asked.centre, sides, strict=True)]
    numbers = _near(across, percent[0], 1) and _near(down, percent[1], 1)
    return label_of(lexicon, [scene], name or "") == asked.label and place == true and numbers and not rest


def _area(scene: Scene, item: ReleasedObject) -> float:
    return item.area_px * scene.scale**2 if item.area_px else float(np.prod(item.sides))


def _prove_size(
    parts: Parts, scene: Scene, asked: ReleasedObject, rest: Sequence[ReleasedObject], _lexicon: Lexicon
) -> bool:
    subject, percent, word = parts
    share = 100 * _area(scene, asked) / (scene.width * scene.height)
    true = [name for most, name in SIZES if share < most][:1] or [LARGE]
    return (
        subject == ("It" if asked.area_px else "Its box") and _near(percent, share, 2) and [word] == true and not rest
    )


def _prove_shape(
    parts: Parts, scene: Scene, asked: ReleasedObject, rest: Sequence[ReleasedObject], _lexicon: Lexicon
) -> bool:
    even, times, direction, filled = parts
    width, height = asked.sides
    if max(width, height) / min(width, height) < ROUND_ASPECT:
        form = even is not None
    else:
        true = "wide as high" if width > height else "high as wide"
        form = direction == true and _near(times, max(width / height, height / width), 1)
    fills = _near(filled, _area(scene, asked) / (width * height) * 100, 0) if asked.area_px else filled is None
    return form and fills and not rest


def _prove_border(
    parts: Parts, scene: Scene, asked: ReleasedObject, rest: Sequence[ReleasedObject], _lexicon: Lexicon
) -> bool:
    x1, y1, x2, y2 = asked.box
    touched = [x1 < BORDER_PX, y1 < BORDER_PX, scene.width - x2 < BORDER_PX, scene.height - y2 < BORDER_PX]
    said = re.findall(r"\b(?:left|upper|right|lower)\b", parts[0] or "")
    plural = (parts[0] or "").endswith("borders") == (sum(touched) > 1)
    return said == [word for word, yes in zip(BORDERS, touched, strict=True) if yes] and plural and not rest


def _prove_contrast(
    parts: Parts, _scene: Scene, asked: ReleasedObject, rest: Sequence[ReleasedObject], _lexicon: Lexicon
) -> bool:
    assert asked.tone is not None
    own, ring = asked.tone.luma, asked.tone.ring_luma
    true = "about as bright as" if abs(own - ring) < CONTRAST else "brighter than" if own > ring else "darker than"
    return _near(parts[0], own, 2) and _near(parts[1], ring, 2) and parts[2] == true and not rest


def _prove_texture(
    parts: Parts, _scene: Scene, asked: ReleasedObject, rest: Sequence[ReleasedObject], _lexicon: Lexicon
) -> bool:
    assert asked.tone is not None
    own, ring = asked.tone.roughness, asked.tone.ring_roughness
    even = max(own, ring) <= TEXTURE * min(own, ring)
    true = "about as rough as" if even else "rougher than" if own > ring else "smoother than"
    return _near(parts[0], own, 2) and _near(parts[1], ring, 2) and parts[2] == true and not rest


def _prove_alone(
    _parts: Parts, scene: Scene, _asked: ReleasedObject, rest: Sequence[ReleasedObject], _lexicon: Lexicon
) -> bool:
    return len(scene.objects) == 1 and not rest


def _prove_nearest(
    parts: Parts, scene: Scene, asked: ReleasedObject, rest: Sequence[ReleasedObject], lexicon: Lexicon
) -> bool:
    name, direction, percent = parts
    ((nearest, way),) = _nearest(scene, asked)
    across, down = np.subtract(nearest.centre, asked.centre)
    column = "" if abs(down) >= 2 * abs(across) else "right" if across > 0 else "left"
    row = "" if abs(across) >= 2 * abs(down) else "lower" if down > 0 else "upper"
    beside = f"to its {f'{row} {column}'.strip()}"
    true = beside if column else {"lower": "below it", "upper": "above it"}[row]
    share = way / float(np.hypot(scene.width, scene.height)) * 100
    same = label_of(lexicon, [scene], name or "") == nearest.label and list(rest) == [nearest]
    return same and _near(percent, share, 1) and direction == true


def _prove_overlap(
    parts: Parts, scene: Scene, asked: ReleasedObject, rest: Sequence[ReleasedObject], _lexicon: Lexicon
) -> bool:
    true = _overlapping(scene, asked)
    return parts[0] == ("one" if len(true) == 1 else str(len(true))) and list(rest) == true


_PROOFS: Final[Mapping[str, Callable[[Parts, Scene, ReleasedObject, Sequence[ReleasedObject], Lexicon], bool]]] = {
    "location": _prove_location,
    "size": _prove_size,
    "shape": _prove_shape,
    "border": _prove_border,
    "contrast": _prove_contrast,
    "texture": _prove_texture,
    "alone": _prove_alone,
    "nearest": _prove_nearest,
    "overlap": _prove_overlap,
}
