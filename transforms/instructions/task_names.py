"""The names of all tasks, read from the names of their modules: importing this imports no task."""

from pkgutil import iter_modules
from typing import Final

from medmultipoints.transforms.instructions import tasks
from medmultipoints.transforms.instructions.published import PUBLISHED

TASK_NAMES: Final = (
    *PUBLISHED,
    *sorted(module.name for module in iter_modules(tasks.__path__) if module.name != "published"),
)
