"""Parse English sentences about the objects of a picture into claims, with a closed grammar.

A sentence is read from left to right: names of objects, predicates, negations and function words. All other words stay
unread. A sentence with unread words is never true, because part of its meaning is unknown. It is false if one of its
claims is false and the unread words only add to it: "a red polyp", "is red", "with a stalk".
"""

import re
from dataclasses import replace
from functools import lru_cache
from typing import Final

from medmultipoints.transforms.claims.claim_types import PREMISE, Claim, Mention, Parsed
from medmultipoints.transforms.claims.facts import Vocabulary
from medmultipoints.transforms.claims.parsing import word_classes as classes
from medmultipoints.transforms.claims.parsing.enumerations import read_listed
from medmultipoints.transforms.claims.parsing.mentions import Named, NameReader, Quantifier, adjectives
from medmultipoints.transforms.claims.parsing.predicates import NUMBERS, degree, read_predicate
from medmultipoints.transforms.claims.parsing.spelling import plain_words
from medmultipoints.transforms.claims.parsing.statements import Statement, open_questions

ASKED: Final = Mention()
"""The object of the question."""


def split_sentences(text: str) -> tuple[str, ...]:
    """Return the sentences of a text, split after full stops, question and exclamation marks, and at line breaks."""
    parts = re.split(r"(?<=[.!?])\s+(?=[A-Z\"'])|\n+", text)
    return tuple(part.strip() for part in parts if re.search(r"\w", part))


def parse_sentence(text: str, vocabulary: Vocabulary, subject: Mention = ASKED) -> tuple[Parsed, Mention]:
    """Return the parsed sentence, and the referent of "it" in the next one.

    ``subject``: the referent of "it" in this sentence; by default the object of the question. Hedged sentences,
    questions and quotations yield no claims, since they do not assert anything.
    """
    words = plain_words(text)
    parts = words.split()
    asks = classes.QUESTIONS & set(parts[:1])
    if classes.HEDGES & set(parts) or asks or classes.QUOTED.search(text) or classes.HEDGED.search(words):
        return Parsed((), tuple(word for word in parts if word not in classes.GRAMMAR) or ("a question",)), subject
    if classes.NOT_ANNOTATED.match(words):
        return Parsed((Claim(kind="alone"),), ()), subject
    return _Reader(words, _names(vocabulary), subject).read()


@lru_cache(maxsize=16)
def _names(vocabulary: Vocabulary) -> NameReader:
    return NameReader(vocabulary)


class _Reader:
    """Parser of one sentence: at each position the first step of ``read`` that matches consumes words."""

    def __init__(self, words: str, names: NameReader, subject: Mention) -> None:
        self.words, self.names, self.subject = words, names, subject
        self.at = 0
        self.statements: list[Statement] = []
        self.current: Statement | None = None
        self.fronted: list[Claim] = []
        self.apart: list[Claim] = []
        self.unread: list[str] = []
        self.doubtful = False
        self.denied = False
        self.last, self.last_word, self.before_and = "break", "", ""
        self.singled = False
        self.nominal = re.compile(rf"(?:is|are) (?P<not>not )?(?:a |an |the )?{names.noun}")

    def read(self) -> tuple[Parsed, Mention]:
        """Return the parsed sentence, and the referent of "it" in the next one."""
        steps = (
            self._opening, self._listed, self._relation, self._between, self._predicate, self._nominal, self._name,
            self._part_of_them, self._pronoun, self._degree, self._organ, self._word,
        )  # fmt: skip
        while self.at < len(self.words):
            kind = next(kind for step in steps if (kind := step()))
            self.last, self.last_word = kind, self.words[: self.at].rpartition(" ")[2]
            self.at += 1
        self._end_clause()
        for word, doubtful in open_questions(self.statements):
            self._mark_unread(word, doubtful=doubtful)
        if self.fronted:
            self._mark_unread("place")
        claims = [claim for one in self.statements for claim in one.claims()] + self.apart
        return Parsed(tuple(claims), tuple(self.unread), self.doubtful), self._next_referent()

    def _next_referent(self) -> Mention:
        """Return the referent of "it" in the next sentence; unclear if this one names objects of two labels."""
        there = [one.meant for one in self.statements if one.named and one.quantifier != "no" and not one.denied]
        there += [other for one in self.statements for other in one.related]
        return Mention(None, "unclear") if len({one.label for one in there}) > 1 else self.subject

    def _mark_unread(self, word: str, *, doubtful: bool = True) -> str:
        """Record a word as unread; ``doubtful``: it may change the meaning of the sentence."""
        self.unread.append(word)
        self.doubtful |= doubtful
        return "unread"

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self.words, self.at)
        if match:
            self.at = match.end()
        return match

    def _opening(self) -> str:
        return "there" if self._take(classes.OPENING) else ""

    def _predicate(self) -> str:
        found = read_predicate(self.words, self.at)
        if found is None or self.names.organ_place.match(self.words, self.at):
            return ""
        if self.last == "there" and self.last_word in classes.IMAGES and found[1].kind == "place":
            self._mark_unread("place")  # "the image on the left"
        self._note_modifier()
        self.at = found[0]
        return self._add_claim(found[1])

    def _note_modifier(self) -> None:
        """Mark the next claim as a modifier if it follows a name directly: "the polyp in the upper left"."""
        self.singled |= self.last == "name" and not classes.FINITE.match(self.words, self.at)

    def _add_claim(self, claim: Claim, other: Mention | None = None) -> str:
        """Add a claim to the current subject; an unknown word directly before it makes it doubtful."""
        claim = replace(claim, denied=claim.denied or self.denied)
        singled, self.denied, self.singled = self.singled, False, False
        if self.last == "unread":
            self._mark_unread(claim.kind, doubtful=False)
        elif self.last == "relation":
            self._add_to_other(claim)
        elif singled and self.current and self.current.singles:
            self.current.given += (claim,)
        elif self.current is None and not self.statements and not self.words.startswith("its "):
            self.fronted.append(claim)
        else:
            subject = self.current or self._begin_statement(self._continued_statement())
            scope = bool(subject.said) and subject.said[-1].denied and not claim.denied
            subject.said.append(claim)
            subject.related += [other] if other and other.determiner == "the" else []
            if scope:  # "not small and round": the scope of "not" is ambiguous
                self._mark_unread("not")
        return "said"

    def _add_to_other(self, claim: Claim) -> None:
        """Add a place to the second object of a comparison; after other relations the referent is ambiguous."""
        said = self.current.said if self.current else self.fronted
        before = said[-1] if said else None
        if before is None or before.other is None or before.kind == "between" or claim.other:
            self._mark_unread(claim.kind)
            return
        plain = before.kind in ("comparison", "brightness")
        if not plain and (claim.kind != "place" or before.other.determiner != "the"):
            self._mark_unread(claim.kind)
            return
        other = replace(before.other, given=(*before.other.given, claim))
        said[-1] = replace(
            before, other=other, numbers={**before.numbers} if plain else {**before.numbers, "singled": 1}
        )

    def _continued_statement(self) -> Statement:
        if self.subject.determiner == "unclear" or (self.statements and self.statements[-1].joined == "name"):
            self._mark_unread("it")
            return Statement(None, "any")
        quantifier: Quantifier = "each" if self.subject.determiner == "each" else "the"
        vague = self.subject.determiner == "some"
        known = quantifier if self.subject.label else "asked"
        return Statement(self.subject.label, known, self.subject.given, vague=vague)

    def _begin_statement(self, statement: Statement) -> Statement:
        statement.said, self.fronted = [*self.fronted, *statement.said], []
        self.statements.append(statement)
        if self.current:
            self.subject = self.current.meant
        self.current = statement
        return statement

    def _relation(self) -> str:
        found = self.names.relations.read(self.words, self.at)
        if found is None:
            return ""
        other = found.other or self._earlier_referent()
        if other is None:
            return ""
        self._note_modifier()
        self.at = found.end
        self._add_claim(replace(found.claim, other=other), other)
        return "relation"

    def _earlier_referent(self) -> Mention | None:
        """Return the referent of "it" after a preposition: the only other objects named in the sentence."""
        others = [one.meant for one in self.statements if one is not self.current and one.label]
        return others[0] if len(others) == 1 else None

    def _between(self) -> str:
        if not (found := self.names.read_between(self.words, self.at)):
            return ""
        self.at, first, second = found
        self._add_claim(Claim(kind="between", other=first, second=second), first)
        return "relation"

    def _nominal(self) -> str:
        """Read "is a polyp" after a subject."""
        if self.current is None or self.last == "there" or self.denied:
            return ""
        match = self._take(self.nominal)
        if match is None:
            return ""
        said, denied = adjectives(match), bool(match["not"])
        if denied and said:
            self._mark_unread("not")
        for claim in (Claim(kind="label", value=self.names.label(match), denied=denied), *said):
            self._add_claim(claim)
        return "said"

    def _name(self) -> str:
        named = self.names.read(self.words, self.at)
        if named is None:
            return ""
        if classes.IMAGE_OF.search(self.words, 0, self.at):
            self._mark_unread("of")
        self.at = named.end
        introduced = self.current is None or self.last in ("there", "count") or self.last_word in classes.LINKS
        if introduced or named.quantifier == "no":
            self._begin_statement(self._statement(named))
        else:
            self._mark_unread(f"{self.last_word} {named.label}".strip())
        self.denied = False
        return "name"

    def _statement(self, named: Named) -> Statement:
        quantifier, plain = named.quantifier, self.last != "unread"
        begun = Statement(named.label, quantifier, named.adjectives, named.part, named.bounds, named=True)
        begun.definite, begun.introduced = named.definite, self.last == "there"
        begun.joined = self.before_and if self.last_word == "and" else ""
        if not plain:
            least = classes.FURTHER.get(self.unread[-1], 0)
            begun = Statement(named.label, "the", bounds={"least": least} if least else {}, vague=True)
        elif quantifier == "part":
            if self.denied or any(claim.kind == "superlative" for claim in named.adjectives):
                self._mark_unread("part")
        elif self.denied and self.last == "not" and named.part:
            begun.quantifier, begun.part, begun.denied = "part", "all", True
        elif self.denied and quantifier == "count":
            begun.denied = True
        elif self.denied and quantifier in ("a", "any", "the") and not (named.definite and self.last == "not"):
            begun.quantifier = "no"
            begun.bounds = {PREMISE: 1} if self.last_word == "without" else {}  # either the image or an object lacks it
        elif quantifier == "any" or (self.denied and quantifier != "no"):
            begun.quantifier = "any"
            self._mark_unread("any")
        if named.plural and plain and begun.quantifier == "the":
            begun.quantifier = "each"
        return begun

    def _listed(self) -> str:
        """Read the parts of an enumeration behind a number: "two polyps, one in the centre and one at the top"."""
        whole = self.statements[-1] if self.statements and not (self.unread or self.denied) else None
        found = read_listed(self.words, self.at, whole) if whole and self.current in (None, whole) else None
        if found is None:
            return ""
        self.at = found[0]
        self.apart += found[1]
        return "listed"

    def _part_of_them(self) -> str:
        """Leave claims about some of several objects open: "one of the polyps", "half of them"."""
        if classes.PRONOUN.match(self.words, self.at):
            return ""
        match = self._take(self.names.part_of)
        return self._mark_unread(match[0]) if match else ""

    def _pronoun(self) -> str:
        match = None if self.names.is_organ.match(self.words, self.at) else self._take(classes.PRONOUN)
        if match is None:
            return ""
        if self.current:
            self.subject = self.current.meant
        begun = self._begin_statement(self._continued_statement())
        if begun.label is None and (match["many"] or begun.quantifier == "any"):
            begun.quantifier = "any"
            self._mark_unread(match[0])
        elif begun.label:
            begun.quantifier = "each" if match["many"] and not begun.vague else "the"
            begun.bounds = {"least": 2, "most": 2} if match[0].startswith("both") else {}
        return "name"

    def _degree(self) -> str:
        if self.last not in ("break", "not") and self.last_word not in classes.COPULAS:
            return ""
        if match := self._take(classes.EXTREME):
            said = degree(match["word"])
            return self._add_claim(replace(said, numbers={"of_all": 1}))
        if self.current is None and not self.statements:
            return ""
        match = self._take(classes.DEGREE)
        return self._add_claim(degree(match["word"])) if match else ""

    def _organ(self) -> str:
        for organ in self.names.vocabulary.organs:
            if match := self._take(re.compile(rf"{re.escape(organ)}(?![\w'-])")):
                if self.last == "said":  # "in the left colon" is not a position in the picture
                    self._mark_unread(organ)
                inside = self.current is not None and self.current.quantifier == "no"
                about = {PREMISE: 1} if inside else {}  # "no polyp in the colon" does not say that it is the colon
                self.apart.append(Claim(kind="organ", value=match[0], denied=self.denied, numbers=about))
                self.denied = False
                return "organ"
        return ""

    def _word(self) -> str:
        match = re.compile(r"\S+").match(self.words, self.at)
        assert match is not None
        word = match[0]
        excepted = word == "but" and self.last == "name" and self.current and self.current.quantifier == "no"
        if excepted or self._is_other_image(word) or word not in classes.BREAKS | classes.NEGATIONS | classes.GRAMMAR:
            self._mark_unread(word, doubtful=not self._only_adds())
            self.at = match.end()
            return "unread"
        self.at = match.end()
        if word in classes.BREAKS:
            if word == ":" and not (self.statements or self.fronted):  # the words before the colon are unknown
                self._mark_unread(word)
            self._end_clause()
            return "break"
        if word in classes.NEGATIONS:
            if self.denied:
                self._mark_unread("not")
            self.denied = True
            return "not"
        if word == "and":
            self.before_and = self.last
        if word in ("that", "which"):
            self.singled = self.last == "name"
            if self.last == "relation":
                return self._mark_unread(word)
        self._read_visible(word)
        return "word"

    def _is_other_image(self, word: str) -> bool:
        """Return whether "image" may mean another image: "no image of", "polyp image", "picture in picture"."""
        in_view = word == "view" and self.last_word == "in"
        return word in classes.IMAGES and self.last_word not in classes.THIS and not in_view

    def _only_adds(self) -> bool:
        """Return whether the unread word only adds to the meaning: before a name, after "is", after "with a"."""
        if self.denied or self.last_word == "its" or (self.current and not self.current.narrow()):
            return False
        word = self.words[self.at :].partition(" ")[0]
        if self.last != "name" and self.names.before_name.match(self.words, self.at):
            after = self.last == "unread" or self.last_word in classes.ARTICLES
            return after or word in classes.FURTHER or word in NUMBERS
        if word in classes.MEANING:
            return False
        after_copula = self.last_word in classes.COPULAS or self.words[: self.at].endswith(classes.WITH)
        return bool(after_copula or self.last == "unread") and bool(classes.ADDED.match(self.words, self.at))

    def _read_visible(self, word: str) -> None:
        """Read "is not visible"."""
        one = self.current
        plain = one is not None and one.named and not one.said and one.quantifier in ("a", "the", "each")
        if one and plain and word in classes.SEEN and self.denied and self.last == "not":
            one.quantifier, self.denied = "no", False

    def _end_clause(self) -> None:
        if self.denied:
            self._mark_unread("not")
        self.denied = self.singled = False
        if self.current:
            self.subject = self.current.meant
        self.current = None
