"""Measure the agreement of two reviewers: verdict (Cohen's kappa), count, and overlap of boxes."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.review.decisions import Decision, outcome, pair_boxes
from medmultipoints.transforms.review.entries import Seen

Twice = tuple[Sequence[Seen], Decision, Decision]
"""The objects two reviewers saw, and the decision of each."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """The agreement of two reviewers. ``kappa`` is None if both always gave the same single verdict.

    A case is one decision of each, even if it settles several findings of a picture.
    """

    reviewers: tuple[str, str]
    cases: int
    same_verdict: int
    kappa: float | None
    same_count: int
    boxes: int
    mean_iou: float | None

    @property
    def words(self) -> str:
        """The agreement in a sentence."""
        kappa = "kappa not defined: one verdict only" if self.kappa is None else f"kappa {self.kappa:.2f}"
        overlap = (
            "" if self.mean_iou is None else f", mean IoU {self.mean_iou:.2f} over {plural(self.boxes, 'box', 'boxes')}"
        )
        who = " and ".join(self.reviewers)
        cases = plural(self.cases, "case")
        verdicts = f"the same verdict in {self.same_verdict:,} ({kappa})"
        return f"{who} both decided {cases}: {verdicts}, the same count in {self.same_count:,}{overlap}"


def agreements(twice: Iterable[tuple[Sequence[Seen], Sequence[Decision]]]) -> list[Agreement]:
    """Return the agreement of each pair of reviewers on the findings that both decided."""
    pairs: dict[tuple[str, str], list[Twice]] = {}
    for seen, decisions in twice:
        own = sorted(decisions, key=lambda one: one.reviewer)
        for place, one in enumerate(own):
            for other in own[place + 1 :]:
                if one.reviewer != other.reviewer:
                    pairs.setdefault((one.reviewer, other.reviewer), []).append((seen, one, other))
    return [_agreement(names, _cases(rows)) for names, rows in sorted(pairs.items())]


def _cases(rows: Sequence[Twice]) -> list[Twice]:
    """Return one row per case: drop rows whose entries are all contained in another row."""
    kept: dict[str, list[tuple[frozenset[str], frozenset[str], Twice]]] = {}
    for row in sorted(rows, key=lambda row: -len(row[1].entries) - len(row[2].entries)):
        first, second = (frozenset(map(repr, decision.entries)) for decision in row[1:])
        own = kept.setdefault(str(row[1].entries[0]["image"]), [])
        if not any(first <= one and second <= other for one, other, _ in own):
            own.append((first, second, row))
    return [row for own in kept.values() for *_, row in own]


def cohens_kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Return the agreement beyond chance of two series of categories; None if chance agreement is 1."""
    total = len(pairs)
    first, second = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    by_chance = sum(first[name] * second[name] for name in first) / total**2
    if by_chance == 1:
        return None
    return (sum(one == other for one, other in pairs) / total - by_chance) / (1 - by_chance)


def _agreement(names: tuple[str, str], rows: Sequence[Twice]) -> Agreement:
    """Return the agreement of two reviewers over their cases."""
    verdicts = [(one.verdict, other.verdict) for _, one, other in rows]
    results = [(outcome(seen, one.entries) or [], outcome(seen, other.entries) or []) for seen, one, other in rows]
    overlaps = [overlap for one, other in results for overlap in pair_boxes(one, other)]
    return Agreement(
        reviewers=names,
        cases=len(rows),
        same_verdict=sum(one == other for one, other in verdicts),
        kappa=cohens_kappa(verdicts),
        same_count=sum(len(one) == len(other) for one, other in results),
        boxes=len(overlaps),
        mean_iou=sum(overlaps) / len(overlaps) if overlaps else None,
    )
