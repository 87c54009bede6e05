"""A subject with the predicates of its sentence, from which claims are built."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from medmultipoints.transforms.claims.claim_types import PREMISE, Claim, Determiner, Kind, Mention
from medmultipoints.transforms.claims.parsing.mentions import Quantifier


@dataclass(slots=True)
class Statement:
    """A subject and its predicates (``said``).

    ``named``: by a name, not a pronoun; ``definite``: with "the"; ``introduced``: by "there is"; ``vague``: restricted
    by unknown words; ``joined``: how it is joined to the previous statement.
    """

    label: str | None
    quantifier: Quantifier
    given: tuple[Claim, ...] = ()
    part: str = ""
    bounds: dict[str, int] = field(default_factory=dict)
    named: bool = False
    denied: bool = False
    vague: bool = False
    definite: bool = False
    introduced: bool = False
    joined: str = ""
    said: list[Claim] = field(default_factory=list)
    related: list[Mention] = field(default_factory=list)

    @property
    def singles(self) -> bool:
        """Return whether a phrase directly after the name restricts which objects are meant."""
        return self.named and not self.said and self.quantifier in ("the", "each", "part") and not self.vague

    def narrow(self) -> bool:
        """Drop the bounds that an unknown word may make true ("two polyps are red" of three).

        Return whether the rest can still be false.
        """
        if self.quantifier == "count":
            self.bounds = {name: number for name, number in self.bounds.items() if name == "least"}
            return bool(self.bounds)
        return self.quantifier != "no" and not self.denied and not self.part.startswith(("only", "just", "exactly"))

    def claims(self) -> Iterator[Claim]:
        """Yield the claims: one if objects are counted, otherwise one per predicate."""
        if self.quantifier == "any":
            return
        yield from (exists(Mention(other.label, "a", other.given)) for other in self.related)
        if self.quantifier in ("a", "no", "count"):
            counted = Mention(self.label, "a", (*self.given, *self.said))
            kind: Kind = "count" if self.quantifier == "count" else "presence"
            denied = self.denied or self.quantifier == "no"
            yield Claim(kind=kind, about=counted, numbers=self.bounds, denied=denied)
            return
        objects = Mention(self.label, "a", self.given)
        if self.quantifier == "part":
            counted = Mention(self.label, "a", (*self.given, *self.said))
            yield Claim(kind="part", value=self.part, about=counted, other=objects, denied=self.denied)
        elif self.named:
            yield exists(objects)
        if self.bounds:
            yield Claim(kind="count", about=objects, numbers=self.bounds)
        if self.quantifier != "part":
            yield from (replace(claim, about=self.meant) for claim in self.said)

    @property
    def meant(self) -> Mention:
        """Return the referent of a later word for the same objects."""
        vague = self.vague or self.quantifier == "part"
        many: Determiner = "each" if self.quantifier == "each" else "some" if vague else "the"
        return Mention(self.label, "asked" if self.label is None else many, self.given)


def exists(objects: Mention) -> Claim:
    """Return the claim that such an object is present."""
    return Claim(kind="presence", about=objects)


def open_questions(statements: Sequence[Statement]) -> Iterator[tuple[str, bool]]:
    """Remove ambiguous predicates: of two subjects, of a relation to two objects, and of the remaining objects.

    Yield the word that makes each ambiguous, and whether it may change the meaning of the sentence.
    """
    for one in statements:
        if PREMISE in one.bounds and one.quantifier == "count" and one.said:
            one.said.clear()  # "no other polyp is small": the excepted polyp is unknown
            yield "other", True
    for before, one in pairwise(statements):
        if (one.joined == "name" and one.said and not before.said and not (before.introduced and one.definite)) or (
            one.joined == "relation" and not one.said
        ):
            one.said.clear()
            yield "and", False
