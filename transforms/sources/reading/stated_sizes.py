"""Read the size of a picture that its annotations give."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.reading.shapes import finite

_PAIRS: Final = tuple((f"{of}width", f"{of}height") for of in ("", "image_", "img_", "image"))
SIZE_NAMES: Final = frozenset(name for pair in _PAIRS for name in pair)


def size_of(width: Any, height: Any) -> tuple[int, int] | None:
    """Return the width and height stated by an annotation, or None if they are not whole numbers from 1."""
    if not finite((width, height)) or width < 1 or height < 1 or width != int(width) or height != int(height):
        return None
    return int(width), int(height)


def stated_sizes(values: Mapping[str, Any]) -> Iterator[tuple[int, int]]:
    """Yield the sizes that a record gives; ``values``: by name in lower case."""
    for names in _PAIRS:
        if size := size_of(*(values.get(name) for name in names)):
            yield size


def differing_sizes(count: int, example: str) -> str:
    """Return the hint about pictures whose size is not the one that annotations give."""
    return f"{plural(count, 'picture')} of another size than annotations state, such as {example}; a build rejects them"
