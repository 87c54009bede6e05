"""Read predicates of an object: position, size, and comparison with its surroundings."""

import re
from collections.abc import Callable
from typing import Final

from medmultipoints.transforms.claims.claim_types import Claim, Kind

ROWS: Final = {"upper": "upper", "top": "upper", "lower": "lower", "bottom": "lower", "middle": "middle"}
COLUMNS: Final = {"left": "left", "right": "right", "centre": "centre", "center": "centre", "central": "centre"}
SIZE_NAMES: Final = {
    "tiny": "tiny", "small": "small", "medium-sized": "medium-sized", "medium": "medium-sized", "large": "large",
    "big": "large",
}  # fmt: skip
SUPERLATIVES: Final = {
    "largest": "largest", "biggest": "largest", "smallest": "smallest", "leftmost": "leftmost",
    "rightmost": "rightmost", "topmost": "topmost", "uppermost": "topmost", "lowest": "lowest",
    "lowermost": "lowest",
}  # fmt: skip
OF_TWO: Final = {
    "larger": "largest", "bigger": "largest", "smaller": "smallest", "left": "leftmost", "right": "rightmost",
    "upper": "topmost", "lower": "lowest",
}  # fmt: skip
"""What singles out one of two objects."""
HALVES: Final = ("quadrant", "half", "side")

_COUNTED: Final = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
_TENS: Final = {"thirty": 30, "forty": 40, "fifty": 50, "hundred": 100}
NUMBERS: Final = {word: number for number, word in enumerate(_COUNTED)} | _TENS
_PARTS: Final = {"half": 2, "third": 3, "quarter": 4, "fifth": 5, "tenth": 10, "fiftieth": 50, "hundredth": 100}
PARTS: Final = (
    {"half": 50.0, "the whole": 100.0, "the entire": 100.0, "two thirds": 200 / 3, "three quarters": 75.0}
    | {f"{one} {name}": 100 / whole for one in ("a", "one") for name, whole in _PARTS.items()}
    | {f"1 / {whole}": 100 / whole for whole in _PARTS.values()}
)
"""Parts of a whole as percent."""

_N: Final = r"\d+(?:\.\d+)?"
_NUMBER: Final = rf"(?:{_N}|{'|'.join(NUMBERS)})\b"
_AROUND: Final = r"(?:its|their|the) (?:surroundings|surrounding (?:tissue|mucosa)|background)\b"
_SIDES: Final = r"(?:left|right|upper|lower|top|bottom)"
IMAGE: Final = r"(?:image|picture|frame|view|photo)"
_BOUNDS: Final = {
    "less than": "less", "under": "less", "below": "less", "at most": "less", "up to": "less", "more than": "more",
    "over": "more", "above": "more", "at least": "more", "larger": "more", "bigger": "more", "smaller": "less",
    "no more than": "less", "no less than": "more",
}  # fmt: skip
_RANGE: Final = rf"(?:between (?P<from>{_NUMBER})(?: %)? and |(?P<first>{_NUMBER})(?: %)? (?:to|-|\u2013) )"
_SHARE: Final = (
    rf"(?:{_RANGE}?(?P<percent>{_NUMBER}) (?:%|percent|per cent) of the |(?P<part>{'|'.join(PARTS)}) (?:of )?(?:the )?)"
    rf"(?:total )?(?:area of the {IMAGE}|{IMAGE}(?: area|'s area)?|area(?! of))\b"
)
_COVERS: Final = (
    r"(?:cover(?:s|ing)?|occup(?:y|ies|ying)|takes? up|fills?|accounts? for|makes? up|spans?|represents?|constitutes?) "
    rf"(?:(?P<near>about|approximately|roughly|around) |(?P<bound>{'|'.join(_BOUNDS)}) |only |just )?{_SHARE}"
)
_EXCEEDS: Final = rf"(?P<bound>larger|bigger|smaller) than {_SHARE}"
_TOUCHES: Final = rf"""(?x: (?:touch(?:es|ing)?|reach(?:es|ing)?|abuts?|extends?\ to|
    (?:is\ |are\ )?in\ contact\ with|(?:is\ |are\ )?(?:cut\ off|cropped|clipped|truncated)\ (?:by|at))\ (?:
    (?P<none>no|any|none\ of\ the)\ (?:{IMAGE}\ )?(?:border|edge)s?
    | (?P<some>the|a|an)\ (?:{IMAGE}\ )?(?:border|edge)
    | (?P<only>(?:only|just)\ )?(?:the\ )?(?P<borders>{_SIDES}(?:(?:\ (?:border|edge)(?=\ (?:,|and)\ ))?
      (?:\ ,)?\ (?:and\ )?(?:the\ )?{_SIDES})*)\ (?:{IMAGE}\ )?(?:border|edge)s?)\b
    (?:\ of\ the\ {IMAGE}\b)?)"""
_LIES: Final = rf"""(?x: (?:in|at|on|near|towards|within|to)\ the\ (?=(?:upper|lower|top|bottom|middle|left|right|cent))
    (?>(?:(?P<row>upper|lower|top|bottom|middle)\b)?(?:[\ -]?(?P<column>left|right|centre|center|central)\b)?)
    (?>(?:\ ?(?P<part>corner|quadrant|half|side|third|part|area|region|portion))?)(?<=\w)\b
    (?>(?:\ of\ the\ {IMAGE}\b)?)(?!\ (?:borders?|edges?|of|{IMAGE})\b))"""
_CENTRED: Final = rf"""(?x: (?:centrally\ (?:located|placed|positioned|situated)|located\ centrally|cent(?:ered|red))
    (?:\ (?:in|within)\ the\ {IMAGE}\b|(?=\ (?:[,;]|and\b)|$)))"""
_CENTRE: Final = rf"its cent(?:re|er) (?:(?:lies|is) )?at (?P<x>{_N}) % of the width and (?P<y>{_N}) % of the height\b"
_EXTENT: Final = (
    r"(?:(?:spans?|extends?|stretch(?:es)?|ranges?) )?(?:horizontally |vertically )?(?:from )?"
    rf"(?P<from>{_N})(?: %)? (?:to|-|\u2013) (?P<to>{_N}) % of the "
    rf"(?:{IMAGE}(?:'s)? )?(?P<side>width|height)(?: of the {IMAGE})?\b"
)
_FORM: Final = r"""(?x: (?P<even>(?:about\ )?as\ wide\ as\ (?:it\ is\ )?(?:high|tall))\b
    | (?P<near>about\ |roughly\ |approximately\ )?(?:(?P<times>\d+(?:\.\d+)?)\ times|(?P<twice>twice))
      \ as\ (?P<more>wide|high|tall)\ as\ (?:it\ is\ )?(?:wide|high|tall)\b
    | (?P<than>wider|higher|taller)\ than\ (?:it\ is\ |they\ are\ )?(?:high|tall|wide)\b)"""
_LUMA: Final = rf"its mean luma is (?P<own>{_N}) that of the ring around it (?P<ring>{_N})"
_STEPS: Final = rf"its luma changes by (?P<own>{_N}) from point to point that of the ring by (?P<ring>{_N})"


def read_predicate(words: str, at: int) -> tuple[int, Claim] | None:
    """Return the end of the predicate that begins at a position, and its claim; None if none begins there."""
    for pattern, make in _PHRASES:
        if match := pattern.match(words, at):
            return match.end(), make(match)
    return None


def degree(word: str) -> Claim:
    """Return the claim for a size, a superlative, or a comparative that identifies one of two."""
    if word in OF_TWO:
        return Claim(kind="superlative", value=OF_TWO[word], numbers={"of_two": 1})
    if word in SIZE_NAMES:
        return Claim(kind="size", value=SIZE_NAMES[word])
    return Claim(kind="superlative", value=SUPERLATIVES[word])


def number_of(word: str) -> float:
    """Return the value of a number in digits or as a word."""
    return NUMBERS[word] if word in NUMBERS else float(word)


def _place(match: re.Match[str]) -> Claim:
    row, column = ROWS.get(match["row"] or "", ""), COLUMNS.get(match["column"] or "", "")
    return Claim(kind="place", value=f"{row} {column}".strip(), numbers={"halves": match["part"] in HALVES})


def _share(match: re.Match[str]) -> Claim:
    said, least, near = match["percent"], match["from"] or match["first"], match.groupdict().get("near")
    percent = number_of(said) if said else PARTS[match["part"]]
    digits = len(said.partition(".")[2]) if said else 0
    kept: dict[str, float] = {"percent": percent, "digits": digits, "near": bool(near) or not said}
    if least:
        return Claim(kind="share", value="range", numbers=kept | {"from": number_of(least)})
    return Claim(kind="share", value=_BOUNDS.get(match["bound"] or "", ""), numbers=kept)


def _border(match: re.Match[str]) -> Claim:
    if match["none"]:
        return Claim(kind="border", value="any" if match["none"] == "any" else "none")
    if match["some"]:
        return Claim(kind="border", value="any")
    sides = [ROWS.get(side, side) for side in re.findall(_SIDES, match["borders"])]
    return Claim(kind="border", value=" ".join(sides), numbers={"only": 1} if match["only"] else {})


def _aspect(match: re.Match[str]) -> Claim:
    if match["even"]:
        return Claim(kind="aspect", value="even")
    value = "wide" if (match["more"] or match["than"]).startswith("wide") else "high"
    if match["near"] or match["twice"]:
        times = float(match["times"] or 2)
        return Claim(kind="aspect", value=value, numbers={"times": times, "digits": 0, "near": 1})
    return Claim(kind="aspect", value=value, numbers=_numbers(match, "times") if match["times"] else {})


def _extent(match: re.Match[str]) -> Claim:
    return Claim(kind="extent", value=match["side"], numbers=_numbers(match, "from", "to"))


def _numbers(match: re.Match[str], *names: str) -> dict[str, float]:
    """Return the numbers, and ``digits``, the decimals they are rounded to."""
    digits = min(len(match[name].partition(".")[2]) for name in names)
    return {name: float(match[name]) for name in names} | {"digits": digits}


def _measured(kind: Kind, *names: str) -> Callable[[re.Match[str]], Claim]:
    return lambda match: Claim(kind=kind, numbers=_numbers(match, *names))


def _compared(kind: Kind, value: str) -> Callable[[re.Match[str]], Claim]:
    return lambda _: Claim(kind=kind, value=value)


_PHRASES: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Claim]], ...]] = tuple(
    (re.compile(pattern), make)
    for pattern, make in (
        (_EXTENT, _extent),
        (rf"fills (?P<percent>{_N}) % of its box\b", _measured("fill", "percent")),
        (_COVERS, _share),
        (_EXCEEDS, _share),
        (_TOUCHES, _border),
        (_LIES, _place),
        (_CENTRED, _compared("place", "centre")),
        (_CENTRE, _measured("place", "x", "y")),
        (_LUMA, _measured("contrast", "own", "ring")),
        (_STEPS, _measured("texture", "own", "ring")),
        (rf"(?:brighter|lighter) than {_AROUND}", _compared("contrast", "brighter")),
        (rf"darker than {_AROUND}", _compared("contrast", "darker")),
        (rf"(?:about )?as bright as {_AROUND}", _compared("contrast", "equal")),
        (rf"(?:rougher|more textured) than {_AROUND}", _compared("texture", "rougher")),
        (rf"smoother than {_AROUND}", _compared("texture", "smoother")),
        (rf"(?:about )?as rough as {_AROUND}", _compared("texture", "equal")),
        (_FORM, _aspect),
    )
)
