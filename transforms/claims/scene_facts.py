"""Build the facts and the vocabulary of one released scene, with which claims are judged."""

from collections.abc import Collection, Iterator
from functools import lru_cache

from medmultipoints.transforms.claims.facts import CodedMask, ObjectFacts, PictureFacts, Vocabulary, touched_borders
from medmultipoints.transforms.instructions.naming.lexicon import Lexicon
from medmultipoints.transforms.instructions.naming.names import Name
from medmultipoints.transforms.instructions.scenes import BORDER_PX, Scene
from medmultipoints.transforms.masks.run_lengths import box_of_rle
from medmultipoints.transforms.records import UNKNOWN, Box, ReleasedObject


def picture_facts(scene: Scene, labels: Collection[str], asked: str | None = None) -> PictureFacts:
    """Return the facts of a scene.

    ``labels``: the labels of the release; objects of other labels may be missing. ``asked``: id of the object that a
    text is about.
    """
    places = {item.object_id: place for place, item in enumerate(scene.objects)}
    return PictureFacts(
        objects=tuple(_object(scene, item) for item in scene.objects),
        complete=frozenset(scene.certain) & frozenset(labels),
        organ="" if scene.organ == UNKNOWN else scene.organ,
        asked=None if asked is None else places[asked],
    )


def scene_vocabulary(scene: Scene, lexicon: Lexicon, organs: Collection[str]) -> Vocabulary:
    """Return the names of labels in this scene, except names shared by two labels, and the organs of the release.

    A label is a name of its own where one of its names ends with it: ``instrument`` of "surgical instrument".
    """
    allowed = tuple((label, lexicon.allowed([scene], label)) for label in lexicon.labels)
    return _vocabulary(allowed, frozenset(map(str.casefold, organs)) - {UNKNOWN.casefold()})


@lru_cache(maxsize=64)
def _vocabulary(allowed: tuple[tuple[str, tuple[Name, ...]], ...], organs: frozenset[str]) -> Vocabulary:
    """Return one shared vocabulary for all scenes with the same names, so that equal sentences are parsed once."""
    singular: dict[str, set[str]] = {}
    plural: dict[str, set[str]] = {}
    for label, names in allowed:
        for name in names:
            singular.setdefault(name.singular.casefold(), set()).add(label)
            plural.setdefault(name.plural.casefold(), set()).add(label)
    for label, name in _label_names(allowed):
        if name.singular not in organs:
            singular.setdefault(name.singular, set()).add(label)
            plural.setdefault(name.plural, set()).add(label)
    return Vocabulary(_clear(singular), _clear(plural), organs)


def _label_names(allowed: tuple[tuple[str, tuple[Name, ...]], ...]) -> Iterator[tuple[str, Name]]:
    """Yield the labels that are the last words of one of their names, and of no other label's name."""
    for label, names in allowed:
        words = label.replace("_", " ").casefold()
        ending = {other for other, known in allowed for name in known if _ends_with(name.singular, words)}
        for name in names:
            last = " ".join(name.plural.casefold().split()[-len(words.split()) :])
            if ending == {label} and _ends_with(name.singular, words) and name.singular.casefold() != words:
                yield label, Name(words, last, name.article)


def _ends_with(name: str, words: str) -> bool:
    return f" {name.casefold()}".endswith(f" {words}")


def _clear(names: dict[str, set[str]]) -> dict[str, str]:
    return {name: next(iter(labels)) for name, labels in names.items() if len(labels) == 1}


def _object(scene: Scene, item: ReleasedObject) -> ObjectFacts:
    """Return the facts of one released object."""
    (x1, y1, x2, y2), (width, height) = item.box, item.sides
    area = (item.area_px or 0) * scene.scale**2 or width * height
    return ObjectFacts(
        label=item.label,
        box=(x1 / scene.width, y1 / scene.height, x2 / scene.width, y2 / scene.height),
        percent=100 * area / (scene.width * scene.height),
        aspect=width / height,
        touched=touched_borders((x1, y1, scene.width - x2, scene.height - y2), BORDER_PX),
        tone=item.tone,
        mask=_mask(scene, item),
    )


def _mask(scene: Scene, item: ReleasedObject) -> CodedMask | None:
    """Return the mask of an object in the frame of the released picture; None if the picture was resized."""
    if item.rle is None or Box(*box_of_rle(item.rle, scene.height, scene.width)) != item.box:
        return None
    return CodedMask(item.rle, scene.height, scene.width)
