"""Objects of two origins held against each other, picture by picture, one by one."""

from collections.abc import Mapping, Sequence

from medmultipoints.transforms.dialects.conversations.answers import Mark


def compare(
    found: Mapping[str, Sequence[Mark]], wanted: Mapping[str, Sequence[Mark]], tolerance: float, about: str
) -> int:
    """The number of marks, after each has found its own; AssertionError names the first that has not."""
    strange = {path for path, marks in found.items() if marks} - set(wanted)
    assert not strange, f"{about}: {min(strange)} is no picture of the release"
    for path, marks in wanted.items():
        left = list(found.get(path, ()))
        assert len(left) == len(marks), f"{about}: {path}: {len(left)} objects of {len(marks)}"
        for mark in marks:
            near = [one for one in left if one.name == mark.name and distance(one, mark) <= tolerance]
            assert near, f"{about}: {path}: {mark} is not among {left[:5]}"
            left.remove(min(near, key=lambda one: distance(one, mark)))
    return sum(map(len, wanted.values()))


def distance(one: Mark, other: Mark) -> float:
    """The largest difference of a coordinate, in pixels."""
    if len(one.numbers) != len(other.numbers):
        return float("inf")
    return max(abs(a - b) for a, b in zip(one.numbers, other.numbers, strict=True))
