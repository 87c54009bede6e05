"""Refuse keys that a recipe states and nothing uses: they would seem to do something."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from medmultipoints.data_lake.catalogue import OWN_READERS, SourceInfo
from medmultipoints.transforms.errors import UsageError

if TYPE_CHECKING:
    from medmultipoints.flows.recipe.model import Recipe

_NEEDS: Final[Mapping[str, tuple[Callable[["Recipe"], bool], str]]] = {
    "images.resample": (lambda recipe: recipe.images.max_side is not None, "images.max_side"),
    "instructions.absent": (
        lambda recipe: bool({"presence", "dialogue"} & set(recipe.instructions.tasks)),
        'the task "presence" or "dialogue"',
    ),
    "witness.stability": (lambda recipe: recipe.witness.file is not None, "witness.file"),
    "witness.likeness": (lambda recipe: recipe.witness.file is not None, "witness.file"),
    "describe.uncheckable": (lambda recipe: recipe.describe.file is not None, "describe.file"),
    "describe.least_kept": (lambda recipe: recipe.describe.file is not None, "describe.file"),
}
"""What else in the recipe a key needs to have an effect."""
_MASKS: Final = frozenset({"hyperkvasir", "pairs"})
"""Readers and formats whose masks follow ``[boxes]``."""
_VIDEOS: Final = frozenset({"frames", "mot", "cvat-video"})
"""Those with videos and tracks."""


def unused_keys(recipe: "Recipe") -> Iterator[str]:
    """Yield a sentence for each stated key that has no effect without another key of the recipe."""
    for key, (is_met, needed) in _NEEDS.items():
        if _states(recipe, key) and not is_met(recipe):
            yield f"{key} has no effect without {needed}"


def refuse_unused(recipe: "Recipe", infos: Iterable[SourceInfo], where: str) -> None:
    """Raise UsageError for a stated key that none of the sources uses; their declarations must be complete."""
    from medmultipoints.transforms.sources.registry import EVERY_FORMAT, find_format  # slow to import: all formats

    kinds = {kind for info in infos for kind in _kinds(info)}
    if any(kind not in OWN_READERS and kind not in {form.name for form in EVERY_FORMAT} for kind in kinds):
        return  # a plug-in may use anything, and a source that cannot be read any format
    checks = (
        ("boxes.threshold", _MASKS, "values of the masks are named by [sources.NAME.read.masks] values and ignore"),
        ("boxes.min_area_px", _MASKS, "set min_area_px in [sources.NAME.read.masks]"),
        ("boxes.track_rounding", _VIDEOS, ""),
        ("images.jpeg_quality", kinds if recipe.images.max_side else _VIDEOS, ""),
    )
    for key, users, remedy in checks:
        if _states(recipe, key) and not kinds & users:
            own = any("masks.min_area_px" in find_format(kind).keys for kind in kinds if kind not in OWN_READERS)
            said = f"leave it out, and {remedy}" if own and remedy else "leave it out"
            raise UsageError(f"recipe {where}: {key}: no source uses it ({', '.join(sorted(kinds))}); {said}.")


def _states(recipe: "Recipe", key: str) -> bool:
    section, _, name = key.partition(".")
    return name in getattr(recipe, section).model_fields_set


def _kinds(info: SourceInfo) -> set[str]:
    """Return the reader of a source, or the formats of its readings; a broken one has the kind ``broken``."""
    if info.broken:
        return {"broken"}
    return {info.reader} if info.reader else {own.format for own in info.declaration.readings}
