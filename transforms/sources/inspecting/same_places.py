"""Propose one declaration for masks and boxes of the same pictures, if their objects lie in the same places.

The places prove what neither says alone: the labels of masks, and whether the numbers of boxes are edges or pixels.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.records import Region
from medmultipoints.transforms.regions.layers import UNNAMED
from medmultipoints.transforms.regions.matching import match_boxes
from medmultipoints.transforms.regions.readings import SAME
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import (
    AnnotatedPicture,
    Hint,
    Proof,
    Question,
    Recognition,
    picture_key,
)
from medmultipoints.transforms.sources.declaration.model import AnnotationKeys, Declaration, merge_read
from medmultipoints.transforms.sources.inspecting.declared_answers import choice_value, likely_answers, nest_keys
from medmultipoints.transforms.sources.inspecting.shown_objects import find_objects, rename_labels
from medmultipoints.transforms.sources.reading.listing import Listing
from medmultipoints.transforms.sources.reading.proposing import Draft, redraft
from medmultipoints.transforms.sources.registry import read_pictures

COMPARED: Final = 60
"""Pictures whose objects are compared."""
AGREE: Final = 0.9
"""Share of all objects of both readings that must have one of the other in their place."""
LEAST: Final = 3
"""Least number of such pairs."""
EXACT_PX: Final = 0.01
OBJECTS: Final = ("masks.object", "shapes.grouped")
"""Questions about what is one object, which the places of the other reading can answer."""


@dataclass
class _Compared:
    """Objects of two readings of the same pictures: the pairs in one place, and all of either."""

    pairs: list[tuple[Region, Region]] = field(default_factory=list)
    pictures: int = 0
    objects: tuple[list[Region], list[Region]] = field(default_factory=lambda: ([], []))

    @property
    def share(self) -> float:
        return len(self.pairs) / max(1, *map(len, self.objects))

    @property
    def agree(self) -> bool:
        """Whether nearly all objects have a partner, and one reading gives boxes where the other gives shapes."""
        plain = [{one.evidence for one in held} == {"box"} for held in self.objects]
        return len(self.pairs) >= LEAST and self.share >= AGREE and plain[0] != plain[1]

    @property
    def exact(self) -> int:
        """Number of pairs with the same box."""
        sides = (zip(one.box, other.box, strict=True) for one, other in self.pairs)
        return sum(max(abs(a - b) for a, b in both) <= EXACT_PX for both in sides)


@dataclass(frozen=True)
class _Readings:
    """Two readings that are compared, by the drafts of their declarations."""

    listing: Listing
    drafts: tuple[Draft, Draft]
    _held: dict[str, dict[str, AnnotatedPicture]] = field(default_factory=dict)

    def compare(self, *answers: Mapping[str, Any]) -> _Compared:
        """Return the comparison, with likely answers to open questions; ``answers``: those to try, of each draft."""
        given = answers or ({}, {})
        first, other = (self._pictures(self._table(*one)) for one in zip(self.drafts, given, strict=True))
        shared = [key for key in first if key in other]
        found = _Compared()
        for key in shared[:: max(1, len(shared) // COMPARED)][:COMPARED]:
            try:
                own, others = (find_objects(picture, self.listing)[0] for picture in (first[key], other[key]))
            except MemberProblem:
                continue
            found.pictures += 1
            found.objects[0].extend(own)
            found.objects[1].extend(others)
            places = match_boxes([one.box for one in own], [one.box for one in others], at_least=SAME)
            found.pairs += [(own[i], others[j]) for i, j in places]
        return found

    def tried(self, place: int, question: Question) -> dict[Any, _Compared]:
        """Return the comparison with each answer to a question of one draft."""
        found = {}
        for choice in map(choice_value, question.choices):
            answers: list[dict[str, Any]] = [{}, {}]
            answers[place] = {question.key: choice}
            found[choice] = self.compare(*answers)
        return found

    def _table(self, draft: Draft, answers: Mapping[str, Any]) -> dict[str, Any]:
        first = self.drafts[0].read
        pictures = {"images": first["images"]} if "images" in first else {}
        likely = nest_keys(likely_answers(draft.questions))
        table = merge_read(merge_read(merge_read(draft.read, pictures), likely), nest_keys(answers))
        return {key: value for key, value in table.items() if key != "also"}

    def _pictures(self, table: Mapping[str, Any]) -> dict[str, AnnotatedPicture]:
        """Return the annotated pictures by key; a declaration is read once."""
        declaration = Declaration.model_validate(table)
        place = json.dumps(table, sort_keys=True)
        if place not in self._held:
            self._held[place] = {
                picture_key(one): rename_labels(one, declaration)
                for one in read_pictures(declaration, self.listing)
                if isinstance(one, AnnotatedPicture) and (one.annotations or one.layers)
            }
        return self._held[place]


def join_readings(
    listing: Listing, first: Recognition, other: Recognition, name: str, stated: Mapping[str, Any]
) -> Recognition | Hint:
    """Return one proposal with ``other`` as the table ``also.NAME`` of ``first``, or why they differ.

    A reading that is stated in ``also`` is accepted without agreement.
    """
    own = (stated.get("also") or {}).get(name)
    drafts = redraft(first, stated), redraft(other, own or {})
    readings = _Readings(listing, drafts)
    found = _settle_objects(readings, readings.compare())
    if found.agree and _settle_labels(drafts, found):
        _settle_frame(readings)
    elif own is None:
        return Hint("readings_differ", _difference(found, [str(draft.format) for draft in drafts]))
    said = f"{plural(len(found.pairs), 'object')} of both in one place, of {len(found.objects[0])} and "
    said += f"{len(found.objects[1])} in {plural(found.pictures, 'picture')}"
    return _joined(drafts, name, said)


def _settle_objects(readings: _Readings, found: _Compared) -> _Compared:
    """Answer what is one object of a shape if only one answer gives objects in the places of the other reading."""
    for place, draft in enumerate(readings.drafts):
        for question in filter(None, map(draft.asks, OBJECTS)):
            tried = readings.tried(place, question)
            agreeing = [choice for choice, compared in tried.items() if compared.agree]
            shares = sorted((compared.share for compared in tried.values()), reverse=True)
            if len(agreeing) == 1 and shares[0] > shares[1]:
                found = tried[agreeing[0]]
                said = f"{found.share:.0%} of the objects are in the places of the other reading, else {shares[1]:.0%}"
                draft.settle(question.key, agreeing[0], said)
    return found


def _settle_labels(drafts: tuple[Draft, Draft], found: _Compared) -> bool:
    """Give masks without labels those of the boxes in their places; return whether each label has one partner."""
    proof = f"the labels of {plural(len(found.pairs), 'object')} of the other reading in the same places"
    names = [_partners(found, place) for place in (0, 1)]
    if None in names or any(len(held or ()) != len(names[0] or ()) for held in names):
        return False
    for place, draft in enumerate(drafts):
        partners = names[place] or {}
        if draft.asks("masks.label") and set(partners) == {UNNAMED}:
            draft.settle("masks.label", partners[UNNAMED], proof)
            return UNNAMED not in partners.values()
        if draft.asks("masks.values"):
            draft.settle("masks.values", partners, proof)
            return set(partners) == {one.label for one in found.objects[place]}
    renamed = {label: name for label, name in (names[1] or {}).items() if label != name}
    if renamed:
        drafts[1].line("labels", {**drafts[1].read.get("labels", {}), **renamed}, proof)
    return True


def _partners(found: _Compared, place: int) -> dict[str, str] | None:
    """Return the label of the other reading for each label of one, or None if a label has several."""
    named: dict[str, set[str]] = defaultdict(set)
    for pair in found.pairs:
        named[pair[place].label].add(pair[1 - place].label)
    return {label: min(named[label]) for label in sorted(named)} if all(len(v) == 1 for v in named.values()) else None


def _difference(found: _Compared, formats: Sequence[str]) -> str:
    """Return why two readings are not of the same objects; an object in the place of another is named by its box."""
    own, other = map(len, found.objects)
    for place, form in enumerate(formats):
        first: dict[str, Region] = {}
        for pair in found.pairs:
            known = first.setdefault(pair[place].label, pair[1 - place])
            if known.label != pair[1 - place].label:
                boxes = " and ".join(
                    f"{one.label!r} at {', '.join(f'{edge:g}' for edge in one.box)}" for one in (known, pair[1 - place])
                )
                return f"one label of {form} has several of {formats[1 - place]} in its places, such as {boxes}"
    said = f"{plural(len(found.pairs), 'object')} of {formats[0]} and {formats[1]} in one place"
    return f"{said}, of {own} and {other} in {plural(found.pictures, 'picture')}"


def _settle_frame(readings: _Readings) -> None:
    """Answer what the numbers of boxes are if in one frame alone nearly all equal the boxes of the masks."""
    for place, draft in enumerate(readings.drafts):
        question = draft.asks("boxes.frame")
        if question is None:
            continue
        tried = readings.tried(place, question)
        best = max(tried, key=lambda choice: tried[choice].exact)
        rest = max(compared.exact for choice, compared in tried.items() if choice != best)
        pairs = len(tried[best].pairs)
        if tried[best].exact >= max(LEAST, AGREE * pairs) and rest * 2 < tried[best].exact:
            said = f"{tried[best].exact:,} of {plural(pairs, 'box', 'boxes')} equal the box of their mask, else at most"
            draft.settle(question.key, best, f"{said} {rest:,}")


def _joined(drafts: tuple[Draft, Draft], name: str, said: str) -> Recognition:
    """Return the proposal of the first draft with the other one as its table ``also.NAME``."""
    first, other = drafts
    keys = {*AnnotationKeys.model_fields, *(["format"] if other.format != name else [])}
    inner = {key: value for key, value in other.read.items() if key in keys}
    read = {**first.read, "also": {**first.read.get("also", {}), name: inner}}
    place = f"also.{name}"
    done = replace(first.done(), read=read)
    return replace(
        done,
        proofs=(*done.proofs, Proof(place, said), *(replace(p, key=f"{place}.{p.key}") for p in other.proofs)),
        questions=(*done.questions, *(replace(q, key=f"{place}.{q.key}") for q in other.questions)),
        hints=tuple(dict.fromkeys((*done.hints, *other.hints))),
    )
