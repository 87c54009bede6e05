"""Ask for the object that vanished between two frames of a video."""

from medmultipoints.transforms.instructions.tasks.appeared import change_task

TASK = change_task("vanished", shown_later=False)
