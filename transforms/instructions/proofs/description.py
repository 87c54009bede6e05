"""Prove a description: parse every sentence, measure it again, and check that none is missing."""

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from medmultipoints.transforms.instructions import phrases
from medmultipoints.transforms.instructions.naming.lexicon import Lexicon
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
        holds = _PROOFS[kind](_Sentence(parts, scene, asked, lexicon))
        require(holds and rests_on[1:] == _others(kind, scene, asked), f"{kind}_differs")
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
    leads = ways[first] > 0 and rest >= phrases.NEAREST_LEAD * ways[first]
    return [(scene.objects[first], ways[first])] if leads else []


def _overlapping(scene: Scene, asked: ReleasedObject) -> list[ReleasedObject]:
    return [other for other in scene.meeting(*asked.box) if other is not asked]


def _others(kind: str, scene: Scene, asked: ReleasedObject) -> list[ReleasedObject]:
    """Return the objects that a sentence of this kind refers to, besides the requested one."""
    if kind == "nearest":
        return [nearest for nearest, _ in _nearest(scene, asked)]
    return _overlapping(scene, asked) if kind == "overlap" else []


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


@dataclass(frozen=True, slots=True)
class _Sentence:
    """The variable parts of a sentence about the requested object."""

    parts: tuple[str | None, ...]
    scene: Scene
    asked: ReleasedObject
    lexicon: Lexicon

    @property
    def area(self) -> float:
        """Area of the object in pixels of the released image, by its mask if it has one."""
        mask, scale = self.asked.area_px, self.scene.scale
        return mask * scale**2 if mask else float(np.prod(self.asked.sides))


def _prove_location(said: _Sentence) -> bool:
    name, place, across, down = said.parts
    shares = np.divide(said.asked.centre, (said.scene.width, said.scene.height))
    column, row = (min(2, int(third)) for third in np.floor(3 * shares))
    words = [phrases.ROWS[row], phrases.COLUMNS[column]]
    true = "centre" if words == ["middle", "centre"] else " ".join(words)
    numbers = _near(across, 100 * shares[0], 1) and _near(down, 100 * shares[1], 1)
    return label_of(said.lexicon, [said.scene], name or "") == said.asked.label and place == true and numbers


def _prove_size(said: _Sentence) -> bool:
    subject, percent, word = said.parts
    share = 100 * said.area / (said.scene.width * said.scene.height)
    true = [name for most, name in phrases.SIZES if share < most][:1] or [phrases.LARGE]
    return subject == ("It" if said.asked.area_px else "Its box") and _near(percent, share, 2) and [word] == true


def _prove_shape(said: _Sentence) -> bool:
    even, times, direction, filled = said.parts
    width, height = said.asked.sides
    if max(width, height) / min(width, height) < phrases.ROUND_ASPECT:
        form = even is not None
    else:
        true = "wide as high" if width > height else "high as wide"
        form = direction == true and _near(times, max(width / height, height / width), 1)
    fills = _near(filled, said.area / (width * height) * 100, 0) if said.asked.area_px else filled is None
    return form and fills


def _prove_border(said: _Sentence) -> bool:
    text = said.parts[0] or ""
    x1, y1, x2, y2 = said.asked.box
    touched = [gap < BORDER_PX for gap in (x1, y1, said.scene.width - x2, said.scene.height - y2)]
    named = re.findall(r"\b(?:left|upper|right|lower)\b", text)
    plural = text.endswith("borders") == (sum(touched) > 1)
    return named == [word for word, yes in zip(phrases.BORDERS, touched, strict=True) if yes] and plural


def _prove_contrast(said: _Sentence) -> bool:
    assert said.asked.tone is not None
    own, ring = said.asked.tone.luma, said.asked.tone.ring_luma
    even = abs(own - ring) < phrases.CONTRAST
    true = "about as bright as" if even else "brighter than" if own > ring else "darker than"
    return _near(said.parts[0], own, 2) and _near(said.parts[1], ring, 2) and said.parts[2] == true


def _prove_texture(said: _Sentence) -> bool:
    assert said.asked.tone is not None
    own, ring = said.asked.tone.roughness, said.asked.tone.ring_roughness
    even = max(own, ring) <= phrases.TEXTURE * min(own, ring)
    true = "about as rough as" if even else "rougher than" if own > ring else "smoother than"
    return _near(said.parts[0], own, 2) and _near(said.parts[1], ring, 2) and said.parts[2] == true


def _prove_nearest(said: _Sentence) -> bool:
    name, direction, percent = said.parts
    ((nearest, way),) = _nearest(said.scene, said.asked)
    across, down = np.subtract(nearest.centre, said.asked.centre)
    column = "" if abs(down) >= 2 * abs(across) else "right" if across > 0 else "left"
    row = "" if abs(across) >= 2 * abs(down) else "lower" if down > 0 else "upper"
    aside = f"to its {f'{row} {column}'.strip()}"
    true = aside if column else {"lower": "below it", "upper": "above it"}[row]
    share = way / float(np.hypot(said.scene.width, said.scene.height)) * 100
    same = label_of(said.lexicon, [said.scene], name or "") == nearest.label
    return same and _near(percent, share, 1) and direction == true


def _prove_overlap(said: _Sentence) -> bool:
    count = len(_overlapping(said.scene, said.asked))
    return said.parts[0] == ("one" if count == 1 else str(count))


_PROOFS: Final[Mapping[str, Callable[[_Sentence], bool]]] = {
    "location": _prove_location,
    "size": _prove_size,
    "shape": _prove_shape,
    "border": _prove_border,
    "contrast": _prove_contrast,
    "texture": _prove_texture,
    "alone": lambda _: True,  # whether the sentence belongs there was checked before
    "nearest": _prove_nearest,
    "overlap": _prove_overlap,
}
