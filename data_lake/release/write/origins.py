"""Write recipe.json and inputs.json: the inputs of a release, as files under its root.

manifest.json repeats both; ``medmultipoints.data_lake.release.checks.statements`` compares them.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson

from medmultipoints.data_lake.release.write.manifest import ManifestSource, StageCount

RECIPE: Final = "recipe.json"
INPUTS: Final = "inputs.json"
_OPTIONS: Final = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE


def recipe_bytes(recipe: Mapping[str, Any]) -> bytes:
    """Return the content of recipe.json: the recipe without its version, which does not affect the content."""
    return orjson.dumps(without_version(recipe), option=_OPTIONS)


def without_version(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a recipe except its version."""
    return {name: value for name, value in recipe.items() if name != "version"}


def inputs_bytes(sources: Iterable[ManifestSource], accounting: Iterable[StageCount]) -> bytes:
    """Return the content of inputs.json: the files of every source, and the accounting of every stage by input."""
    return orjson.dumps(stated_inputs(sources, accounting), option=_OPTIONS)


def stated_inputs(sources: Iterable[ManifestSource], accounting: Iterable[StageCount]) -> dict[str, Any]:
    """Return the same as plain values."""
    return {
        "format": 1,
        "sources": [source.model_dump(mode="json") for source in sources],
        "accounting": [stage.model_dump(mode="json", by_alias=True) for stage in accounting],
    }
