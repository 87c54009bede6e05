"""Find candidate pairs of pictures of one scene by similar keypoints (VLAD)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from medmultipoints.transforms.examinations.keypoints import SIZE

WORDS = 64
ROUNDS = 10
TRAINED_ON = 20_000
NEAREST = 70
"""Number of nearest pictures to compare with each picture; finds 45 of 46 known pairs of 1,000 pictures."""

Descriptors = NDArray[np.uint8]


def find_candidates(pictures: Sequence[Descriptors], nearest: int = NEAREST) -> list[tuple[int, int]]:
    """Return sorted pairs of positions, smaller first, in which one picture is among the nearest of the other."""
    usable = [place for place, descriptors in enumerate(pictures) if len(descriptors)]
    if len(usable) < 2:
        return []
    words = learn_vocabulary([pictures[place] for place in usable])
    described = np.stack([describe(pictures[place], words) for place in usable])
    near = np.round(described @ described.T, 6)
    np.fill_diagonal(near, -np.inf)
    order = np.argsort(-near, axis=1, kind="stable")[:, : min(nearest, len(usable) - 1)]
    pairs = {
        (min(usable[one], usable[int(two)]), max(usable[one], usable[int(two)]))
        for one, others in enumerate(order)
        for two in others
    }
    return sorted(pairs)


def learn_vocabulary(pictures: Sequence[Descriptors]) -> NDArray[np.float32]:
    """Return visual words: k-means centres of the descriptors, rounded to whole numbers, with evenly spaced seeds."""
    step = max(1, -(-sum(map(len, pictures)) // TRAINED_ON))
    sample = np.concatenate([descriptors[::step] for descriptors in pictures]).astype(np.float32)
    words = sample[np.linspace(0, len(sample) - 1, min(WORDS, len(sample))).astype(np.int64)]
    for _ in range(ROUNDS):
        kinds = _assign(sample, words)
        counts = np.bincount(kinds, minlength=len(words))
        sums = np.zeros(words.shape, np.float64)
        np.add.at(sums, kinds, sample)
        means = np.rint(sums / np.maximum(counts, 1)[:, None])
        words = np.where(counts[:, None] > 0, means, words).astype(np.float32)
    return words


def describe(descriptors: Descriptors, words: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the VLAD vector of one picture: summed residuals per word, with signed square root and unit length."""
    values = descriptors.astype(np.float32)
    kinds = _assign(values, words)
    sums = np.zeros((len(words), SIZE), np.float64)
    np.add.at(sums, kinds, values - words[kinds])
    rooted = (np.sign(sums) * np.sqrt(np.abs(sums))).ravel()
    length = float(np.sqrt((rooted**2).sum()))
    return rooted / length if length else rooted


def _assign(values: NDArray[np.float32], words: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the nearest word of each row; products are exact because values are whole numbers."""
    return np.asarray((2 * (values @ words.T) - np.einsum("ij,ij->i", words, words)).argmax(axis=1), np.int64)
