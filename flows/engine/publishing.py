"""A release to a place that keeps versions: plan, push, read back. The Prefect flow and the command line run this."""

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from medmultipoints.data_lake.publish.git_folder import GitFolder
from medmultipoints.data_lake.publish.hub import HubPlace
from medmultipoints.data_lake.publish.places import Place
from medmultipoints.data_lake.publish.plain_folder import HISTORY, PlainFolder
from medmultipoints.data_lake.publish.plan import PushPlan, plan_push
from medmultipoints.data_lake.publish.push import PushResult, push
from medmultipoints.data_lake.publish.read_back import read_back
from medmultipoints.data_lake.release.read.verify import Check, verify_release
from medmultipoints.transforms.errors import DataError, MachineError, UsageError

_BRANCH = re.compile(r"(?!.*(\.\.|//|/\.|\.lock(/|$)))[A-Za-z0-9_]([A-Za-z0-9._/-]*[A-Za-z0-9_-])?")
Tell = Callable[[str], None]
ONE_PLACE = "give either --repo OWNER/NAME for the Hub, or --to FOLDER for versions without it."


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishRequest:
    """What is to be published where, in plain values; the token is not among them.

    ``approval`` is that of the plan that a person agreed to; None agrees to any plan.
    """

    release: str
    repo: str | None = None
    to: str | None = None
    private: bool = False
    branch: str = "main"
    pull_request: bool = False
    replace_edits: bool = False
    approval: str | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """What stands now, and what was read back of it."""

    plan: PushPlan
    result: PushResult
    checks: tuple[Check, ...]

    def sentence(self) -> str:
        """The outcome in one line."""
        result = self.result
        where = f"{result.place} as {result.tag} (commit {result.commit[:12]})"
        return {
            "pushed": f"published: {where}, every file and a sample of rows read back",
            "finished": f"published: {where}; the commit stood, its tag was missing; everything was read back",
            "unchanged": f"nothing to publish: {where} holds this very content; no commit, no tag; "
            "everything was read back",
            "proposed": f"proposed, not published: a pull request of {result.place} holds {result.name} "
            f"{result.version} (commit {result.commit[:12]}). Merge it, then run publish again to verify and tag it",
        }[result.outcome]

    def to_json(self) -> dict[str, object]:
        """For machines."""
        result = self.result
        return {
            "outcome": result.outcome,
            "place": result.place,
            "version": result.version,
            "tag": None if result.outcome == "proposed" else result.tag,
            "commit": result.commit,
            "bytes": result.bytes,
            "read_back": [check.name for check in self.checks if check.ok],
        }


def open_place(request: PublishRequest) -> Place:
    """The Hub repository or the folder that the request names."""
    if not _BRANCH.fullmatch(request.branch):
        raise UsageError(f"--branch {request.branch}: no name of a branch. Use letters, digits, '.', '_', '-' and '/'.")
    if (request.repo is None) == (request.to is None):
        raise UsageError(ONE_PLACE)
    if request.repo is not None:
        return HubPlace(request.repo, private=request.private, branch=request.branch, pull_request=request.pull_request)
    if request.private or request.pull_request:
        raise UsageError("--private and --pr are for --repo: a folder has neither.")
    folder = Path(str(request.to)).expanduser()
    if shutil.which("git") is None or (folder / HISTORY).is_file():
        if request.branch != "main":
            raise UsageError("--branch: a plain folder of versions has no branches; they need the program git.")
        return PlainFolder(folder)
    return GitFolder(folder, branch=request.branch)


def plan_for(request: PublishRequest, place: Place) -> PushPlan:
    """The plan of a request, as a person is to see it first."""
    return plan_push(Path(request.release).expanduser(), place, replace_edits=request.replace_edits)


def publish_release(request: PublishRequest, tell: Tell) -> Published:
    """The version stands, verified and read back; an error says what stands where it does not.

    DataError where the release itself is unsound or what was read back is not what was pushed, MachineError where
    the place changed since the plan was agreed to or does not answer, UsageError where it refuses.
    """
    place = open_place(request)
    plan = plan_for(request, place)
    if plan.action == "commit":
        if request.approval not in (None, plan.approval):
            raise MachineError(
                f"{plan.place} changed after the plan was shown. Nothing was pushed: run again to see the new plan."
            )
        tell("checking the release itself")
        check_release(plan.folder)
        tell(f"pushing {plan.title} to {plan.place}")
    result = push(plan, place, replace_edits=request.replace_edits)
    if result.outcome == "proposed":
        return Published(plan, result, ())
    tell(f"reading {plan.tag} back")
    checks = read_back(place, plan.tag, plan.folder)
    failed = [check for check in checks if not check.ok]
    if failed:
        raise DataError(
            f"{plan.title} at {plan.place} stands with the tag {plan.tag}, but is NOT published: reading it back "
            f"failed ({failed[0].name}: {failed[0].detail}). Tell nobody of the version. Run the same "
            f"command again to read it back again; if it stays so, publish a corrected version."
        )
    return Published(plan, result, checks)


def check_release(folder: Path) -> None:
    """Nothing where every check of ``verify`` passes; DataError with the first that fails."""
    failed = [check for check in verify_release(folder).checks if not check.ok]
    if failed:
        raise DataError(
            f"{folder} is not published: {failed[0].name}: {failed[0].detail}. Build the release again; "
            "`medmultipoints verify` shows all checks."
        )


def place_of(text: str) -> tuple[Place, str] | None:
    """Place and revision that ``hub:OWNER/NAME@vX.Y.Z`` or ``folder:PATH@vX.Y.Z`` names; None for a release folder."""
    kind, colon, rest = text.partition(":")
    if not colon or kind not in ("hub", "folder"):
        return None
    where, at, revision = rest.rpartition("@")
    if not (at and where and revision):
        raise UsageError(f"{text}: write it as {kind}:{'OWNER/NAME' if kind == 'hub' else 'PATH'}@vX.Y.Z.")
    request = PublishRequest(release="", repo=where) if kind == "hub" else PublishRequest(release="", to=where)
    if kind == "folder" and not Path(where).expanduser().is_dir():
        raise UsageError(f"{where}: there is no such folder.")
    return open_place(request), revision
