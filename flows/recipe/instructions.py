"""Define the part of a recipe for questions."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator, model_validator

from medmultipoints.transforms.instructions.answers.published import PUBLISHED
from medmultipoints.transforms.instructions.task_names import TASK_NAMES
from medmultipoints.transforms.problems import TomlTable

if TYPE_CHECKING:
    Task = str
else:
    Task = Literal[TASK_NAMES]


Dialect = Literal[
    "swift", "swift-objects", "llama-factory", "llama-factory-resized", "trl", "trl-resized", "qwen2.5-vl",
    "qwen-vl-1000", "molmo", "llava", "paligemma", "florence2",
]  # fmt: skip


class Instructions(TomlTable):
    """Which prompts are written; docs/tasks.md explains each task."""

    tasks: tuple[Task, ...] = Field(
        default=PUBLISHED,
        description="what is asked; the default are the tasks of the published dataset",
    )
    shares: Mapping[Task, Annotated[float, Field(gt=0, le=1)]] = Field(
        default={},
        description="task = share of its possible questions to ask, by default 1; not for published tasks",
    )
    absent: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="share of the questions of presence that are about a class that is certainly absent, "
        "where there is one",
    )

    degenerate: Literal["leave_out", "keep"] = Field(
        default="leave_out", description="tasks whose answers are all the same, which teach and measure nothing"
    )
    dialects: tuple[Dialect, ...] = Field(
        default=(),
        description="trainers' formats that the release also has the instructions in, each as a config",
    )

    @model_validator(mode="after")
    def _shares_are_of_its_tasks(self) -> "Instructions":
        for task in self.shares:
            if task in PUBLISHED:
                raise ValueError(f"shares: {task} is asked of every record, without a share")
            if task not in self.tasks:
                raise ValueError(f"shares: {task} is not among the tasks")
        return self

    @field_validator("dialects")
    @classmethod
    def _each_once(cls, names: tuple[Dialect, ...]) -> tuple[Dialect, ...]:
        return tuple(sorted(set(names)))
