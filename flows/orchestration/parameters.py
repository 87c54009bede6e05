"""The parameters of the flows, as the form of the Prefect UI shows them; plain values for everything within."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from medmultipoints.flows.engine.prepare import Request
from medmultipoints.flows.engine.publishing import PublishRequest
from medmultipoints.flows.recipe.patterns import NAME

RunnerName = Literal["threads", "processes", "dask", "ray"]
ALERT_ABOVE = 0.05
VERSION = r"^(auto|\d+\.\d+\.\d+)$"


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BuildParameters(_Form):
    """What is to be built, and where the work is done."""

    recipe: str = Field(
        default="audited", min_length=1, description="Name of a shipped recipe, or the path of a TOML file"
    )
    lake: str = Field(default="lake", min_length=1, description="Folder of the data lake")
    sources: dict[str, str] = Field(
        default={}, description="Local archive or folder of each source, by name; others are downloaded"
    )
    only: tuple[str, ...] = Field(default=(), description="Names of the sources to use; empty: all of the recipe's")
    version: Annotated[str, Field(pattern=VERSION)] | None = Field(
        default=None, description="X.Y.Z, or auto; none: the recipe's"
    )
    workers: Annotated[int, Field(ge=1, le=1024)] | None = Field(
        default=None, description="Shards at work at the same time; none: one per core"
    )
    runner: RunnerName = Field(
        default="threads", description="Where shards are worked on; dask and ray need their packages"
    )
    address: str | None = Field(
        default=None, description="Address of a Dask or Ray cluster that runs already; none: one for this run"
    )

    def request(self) -> Request:
        """The same in plain values."""
        return Request(**{name: getattr(self, name) for name in BuildParameters.model_fields})


class Destination(_Form):
    """Where versions of a release go: the Hub or a folder. The token is no parameter."""

    repo: Annotated[str, Field(pattern=r"^[^/\s]+/[^/\s]+$")] | None = Field(
        default=None, description="OWNER/NAME of a dataset repository of the Hub"
    )
    to: str | None = Field(default=None, description="Folder for versions, where there is no Hub; either this or repo")
    private: bool = Field(default=False, description="Make a new repository private")
    branch: str = Field(default="main", min_length=1, description="Branch to commit to")

    @model_validator(mode="after")
    def _one_place(self) -> "Destination":
        if (self.repo is None) == (self.to is None):
            raise ValueError("give either repo (OWNER/NAME of the Hub) or to (a folder)")
        return self

    def request(self, release: str) -> PublishRequest:
        """What publishing a release folder there means."""
        return PublishRequest(release=release, repo=self.repo, to=self.to, private=self.private, branch=self.branch)

    def options(self) -> list[str]:
        """The same as options of ``medmultipoints publish``."""
        where = ["--repo", self.repo] if self.repo else ["--to", str(self.to)]
        branch = [] if self.branch == "main" else ["--branch", self.branch]
        return [*where, *(["--private"] if self.private else []), *branch]

    def at(self, version: str) -> str:
        """The name of a version there, as ``verify`` takes it."""
        return f"hub:{self.repo}@v{version}" if self.repo else f"folder:{self.to}@v{version}"


class RefreshParameters(BuildParameters):
    """What is to be kept up to date, and where new versions go."""

    version: Annotated[str, Field(pattern=VERSION)] | None = Field(
        default="auto", description="auto: the version that the difference asks for; X.Y.Z; none: the recipe's"
    )
    publish_to: Destination | None = Field(
        default=None, title="Publish to", description="Where new versions go; none: nowhere"
    )
    alert_above: float = Field(
        default=ALERT_ABOVE,
        ge=0,
        le=1,
        description="Share of rejected inputs of a stage above which nothing is published: the run fails with the "
        "reasons, and an event is sent",
    )


class PublishParameters(Destination):
    """Which release is to be published, and where."""

    release: str = Field(min_length=1, description="Folder of the release")
    pull_request: bool = Field(default=False, description="Propose the commit as a pull request; it gets no tag")
    replace_edits: bool = Field(
        default=False, description="Put the release over files that someone edited at the place"
    )
    approval: str | None = Field(
        default=None, description="What a person agreed to; another plan stops the run. None: any plan within the rules"
    )

    def plain(self) -> PublishRequest:
        """The same in plain values."""
        return PublishRequest(**self.model_dump())


class VerifyParameters(_Form):
    """Which release is to be computed again."""

    recipe: Annotated[str, Field(pattern=NAME)] = Field(
        default="audited", description="Name of the release: its newest version is taken"
    )
    lake: str = Field(default="lake", min_length=1, description="Folder of the data lake")
    published_at: Destination | None = Field(
        default=None,
        title="Published at",
        description="Verify that version there, too, and hold its manifest against the lake's",
    )
    leakage: bool = Field(default=False, description="Search for near-duplicates in different splits; slower")
