"""Made-up pictures, small enough to keep in mind, and the words that texts about them may use."""

from dataclasses import replace
from typing import Any, Final

from medmultipoints.transforms.claims.facts import ObjectFacts, PictureFacts, Vocabulary
from medmultipoints.transforms.records import Tone

WORDS: Final = Vocabulary(
    singular={"polyp": "polyps", "instrument": "instrument", "cluster": "cluster"},
    plural={"polyps": "polyps", "instruments": "instrument", "clusters": "cluster"},
    organs=frozenset({"colon", "stomach"}),
)


def _object(label: str, box: tuple[float, float, float, float], percent: float, **more: Any) -> ObjectFacts:
    plain: dict[str, Any] = {"aspect": 1.0, "touched": frozenset()}
    return ObjectFacts(label=label, box=box, percent=percent, **plain | more)


def _tone(luma: float, ring: float) -> Tone:
    return Tone(luma=luma, roughness=5, ring_luma=ring, ring_roughness=5)


_BRIGHT_ROUGH: Final = Tone(luma=120, roughness=9, ring_luma=100, ring_roughness=5)
_DARK_SMOOTH: Final = Tone(luma=80, roughness=4, ring_luma=110, ring_roughness=8)
_EVEN: Final = Tone(luma=100, roughness=5, ring_luma=104, ring_roughness=5)

ONE: Final = PictureFacts(
    objects=(_object("polyps", (0.1, 0.1, 0.3, 0.2), 2.0, aspect=2.0, tone=_BRIGHT_ROUGH),),
    complete=frozenset({"polyps", "instrument"}),
    organ="Colon",
    asked=0,
)
"""A medium-sized polyp in the upper left, twice as wide as high, brighter and rougher than its ring."""

TWO: Final = PictureFacts(
    objects=(
        _object("polyps", (0.0, 0.05, 0.2, 0.25), 3.2, touched=frozenset({"left"}), tone=_DARK_SMOOTH),
        _object("polyps", (0.7, 0.7, 0.95, 0.95), 0.5, tone=_EVEN),
        _object("instrument", (0.6, 0.4, 1.0, 0.8), 16.0, aspect=1.5, touched=frozenset({"right"})),
    ),
    complete=frozenset({"polyps", "instrument"}),
    organ="Stomach",
)
"""A medium-sized polyp at the left border, a small one in the lower right, and an instrument over the latter."""

ASKED: Final = replace(TWO, asked=1)
"""The same in a description of the small polyp."""

OPEN: Final = PictureFacts(
    objects=(_object("instrument", (0.45, 0.45, 0.55, 0.55), 0.05),), complete=frozenset(), organ="", asked=None
)
"""A tiny instrument in the centre; nothing is annotated completely, the organ is not known."""

EMPTY: Final = PictureFacts(objects=(), complete=frozenset({"polyps"}), organ="Colon")
"""No polyp, for certain; whether an instrument is visible is not known."""

MANY: Final = PictureFacts(
    objects=(
        _object("polyps", (0.05, 0.1, 0.25, 0.3), 4.0, tone=_tone(90, 110)),
        _object("polyps", (0.43, 0.43, 0.57, 0.57), 2.0, tone=_tone(140, 120)),
        _object("polyps", (0.82, 0.77, 0.88, 0.83), 0.4, tone=_tone(121, 118)),
        _object(
            "instrument", (0.4, 0.0, 0.6, 0.3), 5.6, aspect=0.67, touched=frozenset({"upper"}), tone=_tone(200, 120)
        ),
    ),
    complete=frozenset({"polyps", "instrument", "cluster"}),
    organ="Colon",
)
"""Three polyps on a line from upper left to lower right, of 4, 2 and 0.4 %, and an instrument at the upper border."""

CORNER: Final = replace(ONE, objects=(replace(ONE.objects[0], touched=frozenset({"left", "lower"})),))
"""The polyp of the first picture, at two borders."""

PAIR: Final = replace(ONE, objects=(ONE.objects[0], replace(ONE.objects[0], box=(0.2, 0.15, 0.4, 0.25))), asked=None)
"""Two polyps that overlap."""

PICTURES: Final = {
    "one": ONE, "two": TWO, "asked": ASKED, "open": OPEN, "empty": EMPTY, "many": MANY, "corner": CORNER, "pair": PAIR,
}  # fmt: skip
