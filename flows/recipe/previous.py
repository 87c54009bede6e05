"""Resolve ``splits.previous``, the release that the splits follow, relative to the recipe."""

from pathlib import Path
from typing import Final

from medmultipoints.transforms.splits.references import split_reference

IN_A_RELEASE: Final = "manifest.json"


def locate_previous(reference: str | None, folder: Path) -> str | None:
    """Return the reference with the path of an existing release, resolved from the recipe's folder.

    Others are unchanged: a name in the lake, or a path from the working folder.
    """
    place, root = split_reference(reference or "")
    own = (folder / Path(place).expanduser()).absolute()
    if not (own / IN_A_RELEASE).is_file():
        return reference
    return f"{own}@{root}" if root else str(own)
