"""The names of all tasks, listed from their module files without importing them."""

from pkgutil import iter_modules
from typing import Final

from medmultipoints.transforms.instructions import tasks
from medmultipoints.transforms.instructions.answers.published import PUBLISHED

TASK_NAMES: Final = (
    *PUBLISHED,
    *sorted(module.name for module in iter_modules(tasks.__path__) if module.name != "published"),
)
