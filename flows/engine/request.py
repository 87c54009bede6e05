"""Define requests, one frozen model each: used by the command line, as flow parameters and in the run record."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from medmultipoints.flows.recipe.load import shipped_recipes
from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.problems import ASKED_VERSION, NAME, REPOSITORY, problems

Severity = Literal["error", "warning"]
RunnerName = Literal["threads", "processes", "dask", "ray"]
CLUSTERS = {"dask": "Dask scheduler", "ray": "Ray cluster"}
ALERT_ABOVE = 0.05
ONE_PLACE = "give either --repo OWNER/NAME for the Hub, or --to FOLDER for versions without it"


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


RequestT = TypeVar("RequestT", bound=_Request)


class BuildRequest(_Request):
    """What to build, and where the work is done."""

    recipe: str = Field(
        default="audited", min_length=1, description="Name of a shipped recipe, or the path of a TOML file"
    )
    lake: str = Field(default="lake", min_length=1, description="Folder of the data lake")
    sources: dict[str, str] = Field(
        default={}, description="Local archive or folder of a source; others are downloaded; repeatable"
    )
    only: tuple[str, ...] = Field(default=(), description="Use these sources only; the default is all of the recipe's")
    version: Annotated[str, Field(pattern=ASKED_VERSION)] | None = Field(
        default=None, description="Version of the release: X.Y.Z or auto; the default is the recipe's"
    )
    check_version: Literal["early", "late"] = Field(
        default="early",
        description="When an existing version is compared: early (before any work, by its inputs) or late (by its "
        "content)",
    )
    workers: Annotated[int, Field(ge=1, le=1024)] | None = Field(
        default=None, description="Shards that run at the same time; the default is one per core"
    )
    runner: RunnerName = Field(default="threads", description="Where shards run; dask and ray need their packages")
    address: str | None = Field(
        default=None, description="Address of a running Dask or Ray cluster; the default is one for this run"
    )

    @model_validator(mode="after")
    def _has_a_cluster(self) -> Self:
        if self.address and self.runner not in CLUSTERS:
            raise ValueError(
                f"--runner-address {self.address}: only dask and ray have one; the runner is {self.runner}"
            )
        return self

    def located(self) -> "BuildRequest":
        """Return the same request with absolute paths, independent of the working folder."""
        recipe = self.recipe if self.recipe in shipped_recipes() else str(Path(self.recipe).absolute())
        sources = {name: str(Path(path).absolute()) for name, path in self.sources.items()}
        return self.build().model_copy(update={"recipe": recipe, "sources": sources})

    def build(self) -> "BuildRequest":
        """Return the build part of the request, without the later steps of a refresh."""
        return BuildRequest(**self.model_dump(include=set(BuildRequest.model_fields)))

    @property
    def label(self) -> str:
        """The recipe's name in run names: for a file, its name without folder and suffix."""
        return self.recipe.rpartition("/")[2].removesuffix(".toml")


class Destination(_Request):
    """Where versions of a release go: the Hub or a folder. The token is no parameter."""

    repo: Annotated[str, Field(pattern=REPOSITORY)] | None = Field(
        default=None, description="Dataset repository of the Hub; created if missing"
    )
    to: str | None = Field(default=None, description="Folder for versions without the Hub: a git repository")
    private: bool = Field(default=False, description="Make a new repository private")
    branch: str = Field(default="main", min_length=1, description="Branch to commit to; created if missing")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.repo is None) == (self.to is None):
            raise ValueError(ONE_PLACE)
        return self

    def request(self, release: str) -> "PublishRequest":
        """Return the request to publish a release folder to this destination."""
        return PublishRequest(release=release, **self.model_dump(include=set(Destination.model_fields)))

    def options(self) -> list[str]:
        """Return the options of ``medmultipoints publish`` for this destination."""
        where = ["--repo", self.repo] if self.repo else ["--to", str(self.to)]
        branch = [] if self.branch == "main" else ["--branch", self.branch]
        return [*where, *(["--private"] if self.private else []), *branch]

    def at(self, version: str) -> str:
        """Return the name of a version at this destination, as ``verify`` takes it."""
        return f"hub:{self.repo}@v{version}" if self.repo else f"folder:{self.to}@v{version}"


class RefreshRequest(BuildRequest):
    """What to keep up to date, and where new versions go."""

    version: Annotated[str, Field(pattern=ASKED_VERSION)] | None = Field(
        default="auto", description="auto: the version that the difference asks for; X.Y.Z; none: the recipe's"
    )
    publish_to: Destination | None = Field(
        default=None, title="Publish to", description="Where new versions go; none: nowhere"
    )
    alert_above: float = Field(
        default=ALERT_ABOVE,
        ge=0,
        le=1,
        description="Largest share of rejected inputs of a stage; above it nothing is published, the run fails with "
        "the reasons, and an event is sent",
    )
    review_from: Severity | None = Field(
        default=None,
        title="Review from",
        description="Findings of this severity or worse wait for a person before a release is published; none: "
        "nothing waits",
    )

    @model_validator(mode="after")
    def _has_a_place(self) -> Self:
        if self.review_from and self.publish_to is None:
            raise ValueError(f"--review-from {self.review_from}: nothing is published; give --repo or --to")
        return self


class PublishRequest(Destination):
    """Which release to publish, and where."""

    release: str = Field(min_length=1, description="Folder of the release")
    pull_request: bool = Field(default=False, description="Propose the commit as a pull request, without a tag")
    replace_edits: bool = Field(default=False, description="Overwrite files that someone edited at the place")
    approval: str | None = Field(
        default=None, description="Approval code of the plan that a person agreed to; none: any plan within the rules"
    )


class VerifyRequest(_Request):
    """Which release to recompute."""

    recipe: Annotated[str, Field(pattern=NAME)] = Field(
        default="audited", description="Name of the release: its newest version is taken"
    )
    lake: str = Field(default="lake", min_length=1, description="Folder of the data lake")
    published_at: Destination | None = Field(
        default=None,
        title="Published at",
        description="Verify that version there, too, and compare its manifest with the lake's",
    )
    leakage: bool = Field(default=False, description="Search for near-duplicates in different splits; slower")


def ask(model: type[RequestT], **values: Any) -> RequestT:
    """Return the request with these values; UsageError names every invalid value."""
    try:
        return model(**values)
    except ValidationError as error:
        raise UsageError(f"{problems(error, model)}.") from error


def parse_sources(texts: Sequence[str]) -> dict[str, str]:
    """Return the paths of NAME=PATH pairs by name."""
    pairs = {}
    for text in texts:
        name, equals, path = text.partition("=")
        if not (name and equals and path):
            raise UsageError(f"--source {text}: write it as NAME=PATH, for example hyperkvasir=~/data/hyper-kvasir.")
        pairs[name] = str(Path(path).expanduser())
    return pairs


def parse_names(text: str) -> tuple[str, ...]:
    """Return the names in a comma-separated list."""
    return tuple(name.strip() for name in text.split(",") if name.strip())
