"""Make statements about the objects of a class: each true one with a false one that differs in one attribute."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from medmultipoints.transforms.instructions import phrases
from medmultipoints.transforms.instructions.naming.names import Name
from medmultipoints.transforms.instructions.questions.question import QuestionContext, area_of
from medmultipoints.transforms.instructions.scenes import BORDER_PX, Scene
from medmultipoints.transforms.records import ReleasedObject

LINE_MARGIN: Final = 0.03  # fraction of width or height, from the lines between thirds
SIZE_LEAD: Final = 1.1  # ratio, from the limits between sizes


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute: its ``kind``, a true and a made-up statement, and the objects it refers to."""

    kind: str
    true: str
    made_up: str
    items: tuple[ReleasedObject, ...]


def find_attributes(scene: Scene, label: str, name: Name, context: QuestionContext) -> list[Attribute]:
    """Return the certain attributes of a class in an image; place, size and borders only for a single object."""
    items = scene.of(label)
    if label not in scene.certain or not items:
        return []
    found = [_number(items, name, context.draw("number", scene.image_sha256, label))]
    if len(items) == 1:
        found += _of_lone(scene, items[0], name, context)
    return found


def absent_attribute(name: Name) -> Attribute:
    """Return the attribute that no object of a class is present."""
    return Attribute("presence", f"There is no {name.singular}.", f"{_capital(name.with_article)} is visible.", ())


def present_attribute(items: Sequence[ReleasedObject], name: Name) -> Attribute:
    """Return the attribute that an object of a class is present."""
    return Attribute(
        "presence", f"{_capital(name.with_article)} is visible.", f"There is no {name.singular}.", tuple(items)
    )


def absent_labels(scene: Scene, context: QuestionContext) -> list[str]:
    """Return the classes that are certainly absent from an image, sorted."""
    shown = context.lexicon.present.get(scene.image_sha256, frozenset())
    return sorted(label for label in scene.certain if not scene.of(label) and label not in shown)


def count_text(count: int, name: Name) -> str:
    """Return a sentence with the number of objects."""
    return f"There is exactly one {name.singular}." if count == 1 else f"There are exactly {count} {name.plural}."


def _number(items: Sequence[ReleasedObject], name: Name, drawn: float) -> Attribute:
    count = len(items)
    others = [count + 1, count + 2, *([count - 1] if count > 1 else [])]
    return Attribute("count", count_text(count, name), count_text(others[int(drawn * len(others))], name), tuple(items))


def _of_lone(scene: Scene, item: ReleasedObject, name: Name, context: QuestionContext) -> Iterator[Attribute]:
    about = (scene.image_sha256, item.label)
    it = f"The {name.singular}"
    if wrong := _other_places(scene, item):
        place = phrases.place_of(*item.centre, scene.width, scene.height)
        form = f"{it} lies in the {{}} of the image."
        yield Attribute("place", form.format(place), form.format(context.pick(wrong, "place", *about)), (item,))
    share = 100 * area_of(item, scene) / (scene.width * scene.height)
    if all(not most / SIZE_LEAD < share < most * SIZE_LEAD for most, _ in phrases.SIZES):
        own = phrases.size_word(share)
        others = [word for word in (*(word for _, word in phrases.SIZES), phrases.LARGE) if word != own]
        other = context.pick(others, "size", *about)
        yield Attribute("size", f"{it} is {phrases.in_image(own)}.", f"{it} is {phrases.in_image(other)}.", (item,))
    touched, clear = _borders(scene, item)
    if clear and len(touched) + len(clear) == len(phrases.BORDERS):
        true = f"touches {phrases.borders_text([border in touched for border in phrases.BORDERS])}"
        made_up = f"touches the {context.pick(clear, 'border', *about)} border"
        yield Attribute("border", f"{it} {true} of the image.", f"{it} {made_up} of the image.", (item,))


def _other_places(scene: Scene, item: ReleasedObject) -> list[str]:
    """Return the places in another row and column; none if the centre is near a line between thirds."""
    shares = [at / side for at, side in zip(item.centre, (scene.width, scene.height), strict=True)]
    if any(abs(share - line) < LINE_MARGIN for share in shares for line in (1 / 3, 2 / 3)):
        return []
    column, row = (phrases.third(share, 1) for share in shares)
    return [
        phrases.place_text(other_row, other_column)
        for at, other_row in enumerate(phrases.ROWS)
        for place, other_column in enumerate(phrases.COLUMNS)
        if at != row and place != column
    ]


def _borders(scene: Scene, item: ReleasedObject) -> tuple[list[str], list[str]]:
    """Return the borders that an object touches, and those that it is clearly apart from."""
    x1, y1, x2, y2 = item.box
    gaps = (x1, y1, scene.width - x2, scene.height - y2)
    touched, clear = list[str](), list[str]()
    for border, gap, side in zip(phrases.BORDERS, gaps, (scene.width, scene.height) * 2, strict=True):
        touched += [border] if gap < BORDER_PX else []
        clear += [border] if gap >= phrases.SIDE_MARGIN * side else []
    return touched, clear


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
