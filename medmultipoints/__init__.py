"""Turn medical images with masks or tracks into a validated, reproducible dataset of boxes, points and counts.

    >>> import medmultipoints as mm
    >>> release = mm.build("audited", sources={"hyperkvasir": "~/data/hyper-kvasir"}, only=["hyperkvasir"])
    >>> mm.load(release, split="train")

Every name is imported when it is first used, so that ``import medmultipoints`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medmultipoints.data_lake.archives.source_files import open_source
    from medmultipoints.flows.api import Release, build, diff, export, load, publish, show, verify
    from medmultipoints.flows.recipe.model import Recipe
    from medmultipoints.transforms.errors import (
        DataError,
        MachineError,
        MemberProblem,
        PipelineError,
        SourceDataError,
        UsageError,
    )
    from medmultipoints.transforms.records import Exclusion, Indexed, Members, Sample
    from medmultipoints.transforms.sources.accounting import Problem, assemble, check_members, drop_foreign, exclude
    from medmultipoints.transforms.sources.paths import split_paths

    __version__: str

_MODULES = {
    "flows.api": ("Release", "build", "diff", "export", "load", "publish", "show", "verify"),
    "flows.recipe.model": ("Recipe",),
    "transforms.errors": (
        "DataError",
        "MachineError",
        "MemberProblem",
        "PipelineError",
        "SourceDataError",
        "UsageError",
    ),
    # For readers of other sources: docs/add-a-source.md.
    "data_lake.archives.source_files": ("open_source",),
    "transforms.records": ("Exclusion", "Indexed", "Members", "Sample"),
    "transforms.sources.accounting": ("Problem", "assemble", "check_members", "drop_foreign", "exclude"),
    "transforms.sources.paths": ("split_paths",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "DataError",
    "Exclusion",
    "Indexed",
    "MachineError",
    "MemberProblem",
    "Members",
    "PipelineError",
    "Problem",
    "Recipe",
    "Release",
    "Sample",
    "SourceDataError",
    "UsageError",
    "assemble",
    "build",
    "check_members",
    "diff",
    "drop_foreign",
    "exclude",
    "export",
    "load",
    "open_source",
    "publish",
    "show",
    "split_paths",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        found: Any = version("medmultipoints")
    elif name in _HOME:
        found = getattr(import_module(f"medmultipoints.{_HOME[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
