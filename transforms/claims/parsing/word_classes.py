"""The closed word classes of the grammar: hedges, negations, question words and function words."""

import re
from typing import Final

from medmultipoints.transforms.claims.parsing.predicates import COLUMNS, NUMBERS, ROWS, SIZE_NAMES, SUPERLATIVES

HEDGES: Final = frozenset((
    "may", "might", "could", "possibly", "possible", "probably", "probable", "perhaps", "maybe", "likely", "unlikely",
    "suggests", "suggest", "suggesting", "suggestive", "suspected", "suspicious", "seems", "seem", "presumably",
    "presumed", "potential", "potentially", "apparently", "apparent", "would", "should", "consistent", "if", "whether",
    "like", "unlike", "think", "believe", "sure", "cannot", "can't", "or", "except", "unless", "?", "false", "true",
    "untrue", "wrong", "incorrect", "right?", "absent", "missing", "gone", "removed", "resected", "excluded", "denied",
    "expected", "assumed", "supposed", "alleged", "allegedly", "putative", "questionable", "equivocal", "doubtful",
    "uncertain", "unclear", "unknown", "hypothetical", "imaginary", "fake", "simulated", "former", "previous",
    "previously", "next", "hardly", "barely", "scarcely", "rarely", "seldom", "almost", "nearly", "borderline",
    "relatively", "arguably", "anything", "nothing", "far", "was", "were", "been", "had", "will", "used", "never",
    "often", "usually", "sometimes", "typically", "generally", "commonly", "normally", "occasionally", "frequently",
    "wasn't", "weren't", "won't", "couldn't", "wouldn't",
))  # fmt: skip
HEDGED: Final = re.compile(
    r"\b(?:(?:all|everything) but|not (?:that|as though|a few|no)|no matter|(?:a|the|all|is|are) lies?)\b"
    r"|\blies?(?=$| [,;:.!]| (?:that|about|and|or|but|which|if|when)\b| to (?!the\b|an?\b|its\b|both\b|each\b))"
)
"""Phrases that negate or weaken the words after them."""
NEGATIONS: Final = frozenset({"no", "not", "without", "neither", "nor", "isn't", "doesn't", "aren't", "don't"})
SEEN: Final = frozenset((
    "visible", "present", "seen", "shown", "found", "appears", "appear", "contain", "depicted", "evident",
    "discernible", "noted", "identified", "observed", "detected", "noticeable",
))  # fmt: skip
LINKS: Final = frozenset({"with", "without", "and", "but", "nor", "neither", "there"})
GRAMMAR: Final = SEEN | frozenset((
    "a", "an", "the", "is", "are", "this", "that", "these", "there", "and", "but", "with", "in", "of", "on", "contains",
    "show", "shows", "includes", "depicts", "we", "see", "here", "which", "also", "lies", "lie", "located", "situated",
    "sits", "sit", "positioned", "does", "do", "image", "picture", "frame", "view", "photo", "box", "annotated",
    "object", "region", "looks", "look", "has", "have", "displays", "reveals", "features", "demonstrates",
    "observe", "note", "resides", "placed", "photograph", "scene",
))  # fmt: skip
ARTICLES: Final = frozenset({"a", "an", "the", "this", "that", "these", "one", "each", "every", "both"})
"""Words after which an unknown word before a name can only be an adjective."""
IMAGES: Final = frozenset({"image", "picture", "frame", "view", "photo", "photograph", "scene"})
THIS: Final = frozenset({"", "the", "this", "that", "a", "an", "these", ",", ";", ":"})
"""Words before "image" after which it still means this image."""
QUESTIONS: Final = frozenset((
    "is", "are", "does", "do", "can", "did", "am", "isn't", "aren't", "doesn't", "don't", "what", "which",
    "who", "whose", "where", "why", "when", "how", "has", "have",
))  # fmt: skip
"""First words of a question, even without a question mark."""
BREAKS: Final = frozenset({",", ";", ":", "but"})
COPULAS: Final = frozenset({"is", "are", "appears", "appear", "looks", "look", "and", "not", "so", "isn't", "aren't"})
MEANING: Final = frozenset({*ROWS, *COLUMNS, *SIZE_NAMES, *SUPERLATIVES, *NUMBERS})
"""Words that the grammar knows in other positions; if unread, they may mean anything."""
QUOTED: Final = re.compile("[\"`\u201c-\u201f\u2039\u203a\u00ab\u00bb]|(?<!\\w)['\u2018\u2019]|['\u2019](?!\\w)")
OPENING: Final = re.compile(
    r"this is (?:a|an|the) (?:image|picture|frame|view|photo)(?: of)?\b|(?:the|this|that) (?:image|picture|frame|view|"
    r"photo)\b|there (?:is|are)\b|can be seen\b"
)
IMAGE_OF: Final = re.compile(r"\bthe (?:image|picture|frame|view|photo) of $")
NOT_ANNOTATED: Final = re.compile(r"no other object is annotated in the image$")
FINITE: Final = re.compile(
    r"(?:is|are|touch(?:es)?|reach(?:es)?|abuts?|extends?|covers?|occup(?:y|ies)|takes?|fills?|accounts?|makes?|spans?|"
    r"represents?|constitutes?|overlaps?|has|its)\b"
)
"""The beginning of a predicate that does not restrict the objects just named."""
FURTHER: Final = {"another": 2, "second": 2, "third": 3, "fourth": 4}
"""The least number of objects implied by each word."""
ADDED: Final = re.compile(
    rf"(?!(?:between|among|from|to|by|at|for|per|of|than|as|all|everything|{'|'.join(NUMBERS)}) )"
    r"(?:[^\W\d_]|-)+(?: (?:[^\W\d_]|-)+)?(?= (?:[,;]|and\b|but\b|which\b)|$)"
)
"""One or two words up to the end of a clause."""
WITH: Final = tuple(
    f" {word} {article} " for word in ("with", "has", "near", "shows") for article in ("a", "an", "the")
)
PRONOUN: Final = re.compile(
    r"(?P<one>it|its|this(?= is)|the (?:object|region))\b|(?P<many>they|their|these(?= are)|both(?= (?:are|lie|touch))|"
    r"(?:all|both|each) of (?:them|these|which))\b"
)
DEGREE: Final = re.compile(
    rf"(?:the )?(?P<word>{'|'.join((*SIZE_NAMES, *SUPERLATIVES))})(?: one)?(?![\w'-])(?! (?:object|region|area|of)\b)"
)
EXTREME: Final = re.compile(r"the (?P<word>largest|biggest|smallest) object\b")
