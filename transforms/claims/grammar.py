"""A closed grammar: English sentences about objects in a picture, parsed into claims.

A sentence is cut into clauses. Each clause has a subject, the name of a label with its determiner or a pronoun, and
phrases that say something of it. Words that belong to no phrase, and are not mere grammar, stay unread: a sentence with
such words is never true as a whole, for nobody knows what else it says.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from medmultipoints.transforms.claims.facts import Vocabulary
from medmultipoints.transforms.claims.records import Claim, Determiner, Kind, Parsed

NUMBERS: Final = {
    word: number
    for number, word in enumerate(
        ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
    )
}
HEDGES: Final = frozenset((
    "may", "might", "could", "possibly", "probably", "perhaps", "likely", "unlikely", "suggests", "suggesting",
    "suggestive", "suspected", "suspicious", "seems", "seem", "presumably", "potentially", "would", "should",
    "consistent", "if",
))  # fmt: skip
NEGATIONS: Final = frozenset({"no", "not", "without", "never", "neither", "nor", "isn't", "doesn't", "aren't"})
GRAMMAR: Final = frozenset((
    "a", "an", "the", "is", "are", "was", "it", "its", "this", "that", "these", "those", "there", "and", "but",
    "with", "of", "in", "on", "at", "to", "by", "as", "has", "have", "be", "being", "been", "can", "seen",
    "visible", "present", "shown", "shows", "show", "image", "picture", "frame", "view", "photo", "annotated",
    "here", "which", "where", "also", "lies", "lie", "located", "situated", "found", "appears", "appear",
    "contains", "contain", "includes", "depicts", "i", "we", "one", "object", "objects", "region", "area", "part",
    "portion", "exactly", "only", "single", "about", "approximately", "roughly", "around", "nearly", "each",
    "every", "both", "all", "they", "them", "their", "so", "does", "do", "not", "no", "without", "any", "other",
    "than", "more", "body", "sits", "covers", "occupies", "takes", "up", "position", "positioned", "centre",
    "center", "lesion", "border", "borders", "edge", "edges", "touches", "touch", "touching", "cut", "off",
    "reaches", "box", "bounding", "mean",
))  # fmt: skip
ROWS: Final = {"upper": "upper", "top": "upper", "lower": "lower", "bottom": "lower", "middle": "middle"}
COLUMNS: Final = {"left": "left", "right": "right", "centre": "centre", "center": "centre", "central": "centre"}
SIZE_WORDS: Final = {
    "tiny": "tiny", "small": "small", "medium-sized": "medium-sized", "medium": "medium-sized", "large": "large",
    "big": "large",
}  # fmt: skip
SUPERLATIVES: Final = ("largest", "smallest", "leftmost", "rightmost", "topmost", "lowest")

_AROUND: Final = r"(?:its|the) (?:surroundings|surrounding (?:tissue|mucosa)|background)"


_DETERMINERS: Final = (
    "exactly one", "only one", "a single", "a few", "no other", "the other", "no", "any", "an", "a", "the", "this",
    "that", "these", "those", "each", "every", "several", "multiple", "both",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Subject:
    label: str | None
    determiner: Determiner


def split_sentences(text: str) -> tuple[str, ...]:
    """Return the sentences of a text: cut behind a full stop, question or exclamation mark, and at line breaks."""
    parts = re.split(r"(?<=[.!?])\s+(?=[A-Z\"'])|\n+", text)
    return tuple(part.strip() for part in parts if re.search(r"\w", part))


def parse_sentence(text: str, vocabulary: Vocabulary, subject: str | None = None) -> tuple[Parsed, str | None]:
    """Return what a sentence says, and the label that a later "it" means.

    ``subject``: what "it" means in this sentence; None is the object that the question gives.
    """
    words = " ".join(re.findall(r"[a-z'-]+|\d+(?:\.\d+)?|[%;,:?]", text.casefold()))
    if "?" in words or HEDGES & set(words.split()):
        return Parsed((), tuple(word for word in words.split() if word not in GRAMMAR)), subject
    current = _Subject(subject, "the" if subject else "asked")
    claims: list[Claim] = []
    unread: list[str] = []
    for clause in re.split(
        r" ?[;,:] ?(?:and |but |so )?| and (?=(?:it|there|the|a|an|is|are|lies|touches|covers)\b)| but ", words
    ):
        found, left, current = _read_clause(clause, vocabulary, current)
        claims += found
        unread += left
    return Parsed(tuple(claims), tuple(unread)), current.label


def _read_clause(clause: str, vocabulary: Vocabulary, before: _Subject) -> tuple[list[Claim], list[str], _Subject]:
    """Read the phrases of a clause one kind after the other; each takes its words out of the clause."""
    clause, relations = _relations(clause, vocabulary, before)
    clause, counted, subject = _mention(clause, vocabulary, before)
    claims = [*relations, *counted]
    for pattern, make in _PHRASES:
        while match := re.search(pattern, clause):
            claims.append(replace(make(match), label=subject.label, determiner=subject.determiner))
            denied = " not" if match.groupdict().get("not") else ""
            clause = f"{clause[: match.start()]} |{denied} {clause[match.end() :]}"
    for organ in sorted(vocabulary.organs):
        if re.search(rf"\b{re.escape(organ)}\b", clause):
            clause = re.sub(rf"\b{re.escape(organ)}\b", "|", clause)
            claims.append(Claim(kind="organ", value=organ))
    if NEGATIONS & set(clause.split()):
        said = [claim for claim in claims if claim.kind not in ("count", "presence")]
        if len(said) != 1:  # which of them is denied cannot be known
            return [claim for claim in claims if claim not in said], ["not"] if said else [], subject
        claims = [replace(claim, denied=True) if claim in said else claim for claim in claims]
    left = [word for word in clause.split() if word not in GRAMMAR and word not in "|,%"]
    return claims, left, subject


def _names(vocabulary: Vocabulary) -> str:
    known = sorted({*vocabulary.singular, *vocabulary.plural}, key=len, reverse=True)
    return "|".join(map(re.escape, known))


def _label(name: str, vocabulary: Vocabulary) -> str:
    return vocabulary.singular.get(name) or vocabulary.plural[name]


def _mention(clause: str, vocabulary: Vocabulary, before: _Subject) -> tuple[str, list[Claim], _Subject]:
    """Find the subject of a clause, and what its determiner says: a number, presence, absence."""
    determiners = "|".join((*_DETERMINERS, *NUMBERS, r"\d+"))
    adjectives = "|".join((*SIZE_WORDS, *SUPERLATIVES))
    pattern = rf"(?:\b(?P<det>{determiners}) )?(?P<adj>(?:(?:{adjectives}) )*)\b(?P<name>{_names(vocabulary)})\b"
    match = re.search(pattern, clause) if vocabulary.singular else None
    if match is None:
        return clause, [], before
    label, said = _label(match["name"], vocabulary), match["det"] or ""
    claims = list(_count_claims(said, label, clause[: match.start()]))
    determiner: Determiner = "a" if said in ("a", "an") else "each" if said in ("each", "every", "both") else "the"
    for word in match["adj"].split():
        kind: Kind = "size" if word in SIZE_WORDS else "superlative"
        claims.append(Claim(kind=kind, label=label, determiner=determiner, value=SIZE_WORDS.get(word, word)))
    rest = f"{clause[: match.start()]} | {clause[match.end() :]}"
    return rest, claims, _Subject(label, determiner)


def _count_claims(said: str, label: str, before: str) -> Iterator[Claim]:
    if said in ("no", "no other") or (said in ("a", "an", "any") and NEGATIONS & set(before.split())):
        yield Claim(kind="presence", label=label, denied=True)
    elif said in ("exactly one", "only one", "a single"):
        yield Claim(kind="count", label=label, numbers={"least": 1, "most": 1})
    elif said in ("several", "multiple", "a few"):
        yield Claim(kind="count", label=label, numbers={"least": 2})
    elif said == "both":
        yield Claim(kind="count", label=label, numbers={"least": 2, "most": 2})
    elif said.isdigit() or said in NUMBERS:
        count = NUMBERS.get(said, -1) if not said.isdigit() else int(said)
        yield Claim(kind="count", label=label, numbers={"least": count, "most": count})
    else:
        yield Claim(kind="presence", label=label)


def _relations(clause: str, vocabulary: Vocabulary, before: _Subject) -> tuple[str, list[Claim]]:
    """Find "X above Y" in all its forms; the second object leaves the clause, the first stays as its subject."""
    words = (
        r"(?P<how>to the (?:upper |lower )?(?:left|right) of|to its (?:upper |lower )?(?:left|right)|left of|right of|"
        r"above|below|over|under|beneath|overlaps with|overlaps|overlapping)"
    )
    names = _names(vocabulary)
    if not names:
        return clause, []
    verbs = r"(?: (?:is|are|lies|lie|located|situated))*"
    pattern = rf"(?:(?P<first>{names})\b{verbs} )?{words} (?P<det>the|a|an|another) (?P<other>{names})\b"
    match = re.search(pattern, clause)
    if match is None:
        return clause, []
    first = _Subject(_label(match["first"], vocabulary), "the") if match["first"] else before
    how = match["how"].removeprefix("to the ").removeprefix("to its ").removesuffix(" of").removesuffix(" with")
    kind: Kind = "overlap" if how.startswith("overlap") else "relation"
    other = _label(match["other"], vocabulary)
    claim = Claim(kind=kind, label=first.label, determiner=first.determiner, value=how, other=other)
    start = match.start() if not match["first"] else match.end("first")
    return f"{clause[:start]} | {clause[match.end() :]}", [claim]


def _place(match: re.Match[str]) -> Claim:
    row, column = ROWS.get(match["row"] or "", ""), COLUMNS.get(match["column"] or "", "")
    halves = match["part"] in ("corner", "quadrant", "half", "side")
    return Claim(kind="place", value=f"{row} {column}".strip(), numbers={"halves": halves})


def _share(match: re.Match[str]) -> Claim:
    digits = len(match["percent"].partition(".")[2])
    numbers = {"percent": float(match["percent"]), "digits": digits, "near": bool(match["near"])}
    return Claim(kind="share", numbers=numbers)


def _border(match: re.Match[str]) -> Claim:
    if match["none"]:
        return Claim(kind="border", value="any" if match["none"] == "any" else "none")
    named = [ROWS.get(word, word) for word in re.findall(_SIDES, match["borders"])]
    return Claim(kind="border", value=" ".join(named))


def _aspect(match: re.Match[str]) -> Claim:
    if match["times"]:
        value = "wide" if match["more"] == "wide" else "high"
        return Claim(kind="aspect", value=value, numbers={"times": float(match["times"])})
    value = {"wider": "wide", "higher": "high", "taller": "high"}.get(match["than"] or "", "even")
    return Claim(kind="aspect", value=value)


def _degree(match: re.Match[str]) -> Claim:
    word = match["word"]
    if word in SIZE_WORDS:
        return Claim(kind="size", value=SIZE_WORDS[word])
    return Claim(kind="superlative", value=word)


def _compared(kind: Kind, value: str) -> Callable[[re.Match[str]], Claim]:
    return lambda _: Claim(kind=kind, value=value)


_SIDES: Final = r"(?:left|right|upper|lower|top|bottom)"
_IMAGE: Final = r"(?:image|picture|frame|view)"
_COVERS: Final = rf"""(?x: (?:covers|occupies|takes\ up|fills)[ ]
    (?P<near>(?:about|approximately|roughly|around|nearly)\ )?
    (?P<percent>\d+(?:\.\d+)?)\ ?(?:%|percent|per\ cent)\ of\ the\ {_IMAGE})"""
_TOUCHES: Final = rf"""(?x: (?:touch(?:es|ing)?|reach(?:es|ing)?|cut\ off\ (?:by|at))\ (?:
    (?P<none>no|any|none\ of\ the)\ (?:border|edge)s?
    | (?:the\ )?(?P<borders>{_SIDES}(?:\ (?:and\ )?(?:the\ )?{_SIDES})*)\ (?:border|edge)s?)
    (?:\ of\ the\ {_IMAGE})?)"""
_LIES: Final = rf"""(?x: (?:in|at|on|near|towards|within|to)\ the\ (?=(?:upper|lower|top|bottom|middle|left|right|cent))
    (?:(?P<row>upper|lower|top|bottom|middle)\b[\ -]?)?(?P<column>left|right|centre|center|central)?
    (?:\ ?(?P<part>corner|quadrant|half|side|third|part|area|region|portion))?\b(?:\ of\ the\ {_IMAGE})?
    (?!\ (?:border|edge|of\ the)))"""
_FORM: Final = r"""(?x: (?P<even>(?:about\ )?as\ wide\ as\ (?:it\ is\ )?(?:high|tall))
    | (?P<times>\d+(?:\.\d+)?)\ times\ as\ (?P<more>wide|high|tall)\ as\ (?:wide|high|tall)
    | (?P<than>wider|higher|taller)\ than\ (?:it\ is\ )?(?:high|tall|wide))"""
_IS: Final = rf"""(?x: \b(?:is|are|so\ it\ is|appears|looks)\ (?=(?:(?:not|the)\ )*\w)(?P<not>not\ )?(?:the\ )?
    (?P<word>{"|".join((*SIZE_WORDS, *SUPERLATIVES))})\b(?:\ one|\ object)?)"""
_PHRASES: Final[tuple[tuple[str, Callable[[re.Match[str]], Claim]], ...]] = (
    (_COVERS, _share),
    (_TOUCHES, _border),
    (_LIES, _place),
    (rf"\b(?:brighter|lighter) than {_AROUND}", _compared("contrast", "brighter")),
    (rf"\bdarker than {_AROUND}", _compared("contrast", "darker")),
    (rf"\b(?:about )?as bright as {_AROUND}", _compared("contrast", "equal")),
    (rf"\b(?:rougher|more textured) than {_AROUND}", _compared("texture", "rougher")),
    (rf"\bsmoother than {_AROUND}", _compared("texture", "smoother")),
    (rf"\b(?:about )?as rough as {_AROUND}", _compared("texture", "equal")),
    (_FORM, _aspect),
    (_IS, _degree),
)
