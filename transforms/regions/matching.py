"""One-to-one matching of boxes."""

from collections.abc import Callable, Sequence

from medmultipoints.transforms.records import Box
from medmultipoints.transforms.regions.boxes import iou

Score = Callable[[Box, Box], float]


def match_boxes(
    first: Sequence[Box], second: Sequence[Box], *, score: Score = iou, at_least: float = 1e-9
) -> list[tuple[int, int]]:
    """Pairs of positions (in ``first``, in ``second``), each position once, sorted.

    Greedy: the pair with the highest score is taken first, equal scores in order of their positions; pairs
    that score below ``at_least`` are never taken. Boxes of one object overlap far more than boxes of two, so
    this equals the optimal assignment on annotations; it is not meant for ranking detectors.
    """
    scored = [(score(a, b), i, j) for i, a in enumerate(first) for j, b in enumerate(second)]
    candidates = sorted((-value, i, j) for value, i, j in scored if value >= at_least)
    left, right = set(range(len(first))), set(range(len(second)))
    pairs = []
    for _, i, j in candidates:
        if i in left and j in right:
            left.remove(i)
            right.remove(j)
            pairs.append((i, j))
    return sorted(pairs)
