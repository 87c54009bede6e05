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

PICTURES: Final = {"one": ONE, "two": TWO, "asked": ASKED, "open": OPEN, "empty": EMPTY}
