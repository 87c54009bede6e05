"""The decisions of reviewers as a recipe reads them; ``corrections`` applies them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

Action = Literal["exclude", "accept", "replace_boxes", "replace_masks", "add_boxes", "add_masks", "set_label"]
Sides = tuple[float, float, float, float]


PROPOSAL: Final = "proposal"
"""Finding kind of a model's proposal; an ``accept`` entry of it confirms the labels without the proposed object."""
HARD_OR_WRONG: Final = "hard_or_wrong_"
"""Prefix of the finding kinds that are a model's doubts."""


def is_about_witness(kind: str | None) -> bool:
    """Return whether an ``accept`` entry is about a model's proposal or doubt rather than an audit finding."""
    return kind is not None and (kind == PROPOSAL or kind.startswith(HARD_OR_WRONG))


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """One decision; ``where`` names file and entry. Boxes are half-open, in pixels of the original image."""

    where: str
    image: str
    image_sha256: str
    action: Action
    reason: str
    reviewer: str
    date: str
    object: str | None = None
    box: Sides | None = None
    kind: str | None = None
    label: str | None = None
    boxes: Sequence[Sides] = ()
    rles: Sequence[str] = ()
    mask_size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """An image that future releases must not contain, identified by the sha256 of its file and by its luma.

    ``pixel_sha256`` identifies the pixels in releases made before ``luma_blake3`` existed.
    """

    where: str
    image_sha256: str
    reason: str
    reviewer: str
    date: str
    luma_blake3: str | None = None
    pixel_sha256: str | None = None
