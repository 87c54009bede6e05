"""Read typed values from a release's JSON files and from the recipe in its manifest."""

from pathlib import Path
from typing import Any

import orjson

from medmultipoints.data_lake.release.write.manifest import MANIFEST, Manifest
from medmultipoints.transforms.errors import DataError


def read_object(folder: Path, name: str) -> dict[str, Any]:
    """Return the JSON object in a file of the release; DataError for any other content."""
    try:
        value = orjson.loads((folder / name).read_bytes())
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror}. Get the release again.") from error
    except orjson.JSONDecodeError as error:
        raise DataError(f"{name} is damaged: {error}. Get the release again.") from error
    if not isinstance(value, dict):
        raise DataError(f"{name} is damaged: it is not a JSON object. Get the release again.")
    return value


def recipe_value(manifest: Manifest, kind: type | tuple[type, ...], *names: str) -> Any:
    """Return the value under nested names in the recipe of a release, None if it is missing.

    DataError if it, or a table on the way to it, has another type.
    """
    value: Any = manifest.recipe
    for depth, name in enumerate(names, 1):
        value = value.get(name)
        if value is None:
            return None
        if not isinstance(value, kind if depth == len(names) else dict):
            raise DataError(f"{MANIFEST} is damaged: recipe.{'.'.join(names[:depth])} is of the wrong type.")
    return value
