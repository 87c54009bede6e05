"""An attempt at a build that ends before its first stage leaves a record, as every run does."""

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from medmultipoints.data_lake.store.layout import lake_at
from medmultipoints.data_lake.store.runs import amend_run, write_run
from medmultipoints.flows.engine.execute import Outcome, how_ended
from medmultipoints.flows.engine.prepare import Progress, Request, no_progress, plain, prepare
from medmultipoints.flows.engine.stage import Build
from medmultipoints.flows.recipe.model import load_recipe
from medmultipoints.transforms.errors import PipelineError


def prepare_attempt(request: Request, progress: Progress = no_progress) -> Build:
    """The build that a request means; where it cannot be, ``status`` shows that it was tried, and why it ended."""
    started = datetime.now(UTC)
    try:
        return prepare(request, progress)
    except BaseException as error:
        with suppress(PipelineError, OSError):  # the error itself is what counts
            record_attempt(request, started, error)
        raise


def record_attempt(request: Request, started: datetime, error: BaseException) -> None:
    """Write that nothing was begun, and why; where there is no lake, none is made for it."""
    lake = lake_at(request.lake)
    if not lake.runs.is_dir():
        return
    facts = {"recipe": name_of(request.recipe), "pid": os.getpid(), "request": plain(request), "stages": [], "keys": {}}
    write_run(lake, started, facts | how_ended(error))


def name_of(recipe: str) -> str:
    """The name of the release that a recipe makes; of one that is wrong, what its file is called."""
    try:
        return load_recipe(recipe).name
    except PipelineError:
        return Path(recipe).stem


def record_unpublished(outcome: Outcome, why: str) -> None:
    """Say in the record of the run that its release stands, but not where new versions go."""
    with suppress(PipelineError, OSError):
        amend_run(outcome.build.lake, outcome.started, {"outcome": "not published", "error": why})
