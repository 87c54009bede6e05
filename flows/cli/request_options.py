"""Build the options of commands that make a request; their help is the description of its fields."""

from typing import Annotated, Any

import typer
from pydantic import BaseModel

from medmultipoints.flows.engine.request import BuildRequest, RunnerName


def field_option(model: type[BaseModel], field: str, *names: str, **given: Any) -> Any:
    """Return the option for a field of a request."""
    return typer.Option(*names, help=f"{model.model_fields[field].description}.", **given)


RunnerOption = Annotated[RunnerName, field_option(BuildRequest, "runner", "--runner", envvar="MEDMULTIPOINTS_RUNNER")]
AddressOption = Annotated[
    str | None,
    field_option(
        BuildRequest, "address", "--runner-address", metavar="ADDRESS", envvar="MEDMULTIPOINTS_RUNNER_ADDRESS"
    ),
]
SourceOption = Annotated[list[str] | None, field_option(BuildRequest, "sources", metavar="NAME=PATH")]
OnlyOption = Annotated[str, field_option(BuildRequest, "only", metavar="NAME[,NAME]")]
WorkersOption = Annotated[int | None, field_option(BuildRequest, "workers", min=1)]
