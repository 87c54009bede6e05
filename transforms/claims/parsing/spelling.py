"""Normalise contractions, spellings and phrases to the forms that the grammar knows."""

import re
from typing import Final

from medmultipoints.transforms.claims.facts import SIZE_NAMES_IN_FULL
from medmultipoints.transforms.claims.parsing.predicates import IMAGE, NUMBERS, OF_TWO, SUPERLATIVES
from medmultipoints.transforms.instructions.phrases import in_image

_TOKEN: Final = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*|\d*\.?\d+|[^\s.!()]")
_NUMBER: Final = rf"(?:\d+|{'|'.join(NUMBERS)})"
_PART: Final = rf"(?=(?: about| approximately)? {_NUMBER}(?:\.\d+)? (?:%|percent)| half| a \w+ of the {IMAGE})"
"""Lookahead for the beginning of a share of the picture."""
_ALONE: Final = rf"(?: in (?:the|this) {IMAGE})?(?= [,;]|$)"
"""The end of a clause that only says that something is there."""
_SEEN: Final = "(?:visible|present|seen|shown|found|depicted)"
_RING: Final = r"((?:the|its) (?:surroundings|surrounding (?:tissue|mucosa)|background))"
_AROUND: Final = rf"{_RING} (?:is|are|appears?)"
_HERE: Final = rf"(?: in (?:the|this) {IMAGE})?"
_NAME: Final = r"(the(?: [\w-]+){1,2})"
_THAN: Final = r"(?:(?:when )?(?:compared|in comparison) (?:with|to)|relative to|than)"
_TONE: Final = "(brighter|darker|lighter|rougher|smoother)"
_LIES: Final = "(is|lies|is located|is situated)"
_TURNS: Final = (
    (r"\b(it|there|that)'s\b", r"\1 is"),
    (r"\b(left|right)-hand\b", r"\1"),
    (r", so (it is|they are)\b", r", \1"),
    (r"\b(tiny|small|medium|large)[ -]sized\b", r"\1"),
    (r"\bof (tiny|small|medium|large) size\b", r"\1"),
    (r"\b(tiny|small|medium|large) in size\b", r"\1"),
    (r"\bits size is\b", "it is"),
    (r"\b(is|are) a (tiny|small|medium|medium-sized|large) one(?= [,;]|$)", r"\1 \2"),
    (r"\b(is|are) absent\b", r"\1 not present"),
    (r"\b(?:is|are) (?:free|devoid) of\b", "contains no"),
    (r"\blacks (?:an?|any)\b", "contains no"),
    (r"\bnot a single\b", "no"),
    (r"\bno (?:sign|evidence|trace|indication)s? of (?:(?:an?|any) )?", "no "),
    (r"\b(no|not)\b(.*) at all\b", r"\1\2"),
    (r"\b(?:by no means|in no way)\b", "not"),
    (r"\b(is|are) to be (?=seen\b)", r"\1 "),
    (r"(?<!not )(?<!n't )\bclearly (?=visible\b|seen\b|shows?\b)", ""),
    (r"\bless bright than\b", "darker than"),
    (r"\bless dark than\b", "brighter than"),
    (rf"^{_AROUND} (?:brighter|lighter) than {_NAME}$", r"\2 is darker than its surroundings"),
    (rf"^{_AROUND} darker than {_NAME}$", r"\2 is brighter than its surroundings"),
    (rf"^{_THAN} {_RING} , (.+ (?:is|are|appears?|looks?)) {_TONE}$", r"\2 \3 than \1"),
    (rf"^{_THAN} {_RING} , (.+ (?:is|are|appears?|looks?)) {_TONE} and {_TONE}$", r"\2 \3 than \1 and \4 than \1"),
    (rf"\b{_TONE} {_THAN} {_RING}", r"\1 than \2"),
    (rf"\b{_TONE} and {_TONE} than {_RING}", r"\1 than \3 and \2 than \3"),
    (rf"\bits (?:surface|texture) is {_TONE} than {_RING}", r"it is \1 than \2"),
    (rf"\bthe (?:surface|texture) of {_NAME} is {_TONE} than {_RING}", r"\1 is \2 than \3"),
    (rf"\bhas a {_TONE} (?:surface|texture) than {_RING}", r"is \1 than \2"),
    (rf"\bhas (?:the same|a similar) brightness (?:as|to) {_RING}", r"is as bright as \1"),
    (rf"\bhas a brightness similar to {_RING}", r"is as bright as \1"),
    (rf"\bhas (?:the same|a similar) (?:texture|roughness) (?:as|to) {_RING}", r"is as rough as \1"),
    (rf"\bits cent(?:re|er) {_LIES} (?=in the )", r"it \1 "),
    (rf"\bthe cent(?:re|er) of {_NAME} {_LIES} (?=in the )", r"\1 \2 "),
    (rf"\b(the(?: [\w-]+)?? [\w-]+)'s cent(?:re|er) {_LIES} (?=in the )", r"\1 \2 "),
    (
        rf"^the organ(?: (?:that is )?(?:shown|depicted|visible|seen)(?: (?:here|in the {IMAGE}))?)? is (?=the )",
        "this is ",
    ),
    (r"^(its box .*) , and the object fills ([\d.]+) % of it$", r"\1 , and the object fills \2 % of its box"),
    (r"\bits width exceeds its height\b", "it is wider than high"),
    (r"\bits height exceeds its width\b", "it is taller than wide"),
    (rf"\bany of the (?:{IMAGE} )?(border|edge)s\b", r"any \1"),
    (rf"\bdoes not touch the (?:{IMAGE} )?(?:border|edge)s(?: of the {IMAGE})?(?= [,;]|$)", "touches no border"),
    (r"\bcan be (?:identified|observed|noted|found|detected|counted|recogni[sz]ed|distinguished)\b", "can be seen"),
    (r"\bequal in size to\b", "the same size as"),
    (
        rf"\b(?:to the )?(left|right) of the (?:{IMAGE} )?(?:cent(?:re|er)|middle) of the ({IMAGE})\b",
        r"in the \1 half of the \2",
    ),
    (
        r"\b(touch(?:es)?) neither the (\w+) nor the (\w+) (border|edge)\b",
        r"not \1 the \2 \4 and does not \1 the \3 \4",
    ),
    (r"^(the two|both) ([\w-]+) overlap(?: each other)?$", r"there are exactly two \2 , each of the \2 overlaps a \2"),
    (r"\bboth (?=the \w+ and the \w+ (?:border|edge)\b)", ""),
    (r"\b(touch(?:es)? the \w+)(?: border| edge)? as well as (?=the \w+ (?:border|edge)\b)", r"\1 and "),
    (
        rf"^(.* of the {IMAGE}(?: area)?) (?:is|are) (?:covered|occupied|filled|taken up) by (the [\w-]+)$",
        r"\2 covers \1",
    ),
    (rf"\bthe area of (the [\w-]+) is{_PART}", r"\1 covers"),
    (rf"\b(?:it(?=s)|the [\w-]+(?='s))(?:'?s) area is{_PART}", r"it covers"),
    (rf"\bhas (?:an area|a size) of{_PART}", r"covers"),
)
_COUNTS: Final = (
    (r"\ba pair of\b", "two"),
    (r"\ba dozen\b", "12"),
    (r"\ba hundred\b", "100"),
    (r"\bdozens of\b", "at least 24"),
    (r"\bhundreds of\b", "at least 200"),
    (r"\ba number of\b", "several"),
    (rf"\ba total of (?={_NUMBER}\b)", ""),
    (r" (?:in all|in total|altogether)(?= [,;]|$)", ""),
    (r"\ba (?:lone|solitary|sole)\b", "a single"),
    (rf"\b({_NUMBER}) or more\b", r"at least \1"),
    (rf"\b({_NUMBER}) or (?:fewer|less)\b", r"at most \1"),
    (rf"\bat least ({_NUMBER}) and at most ({_NUMBER})\b", r"between \1 and \2"),
    (rf"\b(?:only |exactly |just )?({_NUMBER}) ([\w-]+) and no (?:others?|more)(?= [,;]|$)", r"exactly \1 \2"),
    (rf"^there (?:is|are) no second ([\w-]+){_ALONE}", r"there is at most one \1"),
    (rf"^no second ([\w-]+) (?:is|are) {_SEEN}{_ALONE}", r"there is at most one \1"),
    (rf"^there (?:is|are) no third ([\w-]+){_ALONE}", r"there are at most two \1"),
    (rf"^(?:there is )?a second ([\w-]+)(?: is {_SEEN})?{_ALONE}", r"there are at least two \1"),
    (rf"^(?:there is )?a third ([\w-]+)(?: is {_SEEN})?{_ALONE}", r"there are at least three \1"),
    (rf"\bis the only ([\w-]+){_ALONE}", r"is a \1 , there is exactly one \1"),
    (rf"\bis not the only ([\w-]+){_ALONE}", r"is a \1 , there are at least two \1"),
    (
        rf"\bthe (?:total )?(?:number|count) of ([\w-]+){_HERE} is (exactly )?({_NUMBER})(?= ?(?:[,;]|$))",
        r"there are \2\3 \1",
    ),
    (
        rf"^(.*)\b(each|all|none|neither) of the ({_NUMBER}) ([\w-]+)\b",
        r"there are exactly \3 \4 , \1\2 of the \4",
    ),
    (
        rf"^(.*)\bthe ({'|'.join((*SUPERLATIVES, *OF_TWO))})(?: one)? of the ({_NUMBER}) ([\w-]+)\b",
        r"there are exactly \3 \4 , \1the \2 \4",
    ),
)
_FORMS: Final = tuple((re.compile(pattern), new) for pattern, new in (*_TURNS, *_COUNTS))


def plain_words(text: str) -> str:
    """Return the normalised words, numbers and punctuation of a sentence in lower case, separated by spaces."""
    for full, short in SIZE_NAMES_IN_FULL.items():
        text = text.replace(in_image(full), short).replace(full, short)
    words = " ".join(_TOKEN.findall(text.casefold().replace("\u2019", "'")))
    for pattern, new in _FORMS:
        words = pattern.sub(new, words)
    return re.sub(r"(\d|point) , that of the ring\b", r"\1 that of the ring", words)
