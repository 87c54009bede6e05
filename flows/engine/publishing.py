"""Publish a release as a version: plan, push, read back. The Prefect flow and the command line use this."""

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
from medmultipoints.data_lake.release.checks.verify import Check, verify_release
from medmultipoints.flows.engine.request import Destination, PublishRequest, ask
from medmultipoints.transforms.errors import DataError, MachineError, UsageError

_BRANCH = re.compile(r"(?!.*(\.\.|//|/\.|\.lock(/|$)))[A-Za-z0-9_]([A-Za-z0-9._/-]*[A-Za-z0-9_-])?")
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Published:
    """The published version, and the checks of the copy."""

    plan: PushPlan
    result: PushResult
    checks: tuple[Check, ...]

    def sentence(self) -> str:
        """Return the outcome in one line."""
        result = self.result
        where = f"{result.place} as {result.tag} (commit {result.commit[:12]})"
        return {
            "pushed": f"published: {where}, every file and a sample of rows read back",
            "finished": f"published: {where}; the commit existed, its tag was missing; everything was read back",
            "unchanged": f"nothing to publish: {where} has the same content; no commit, no tag; "
            "everything was read back",
            "proposed": f"proposed, not published: a pull request of {result.place} holds {result.name} "
            f"{result.version} (commit {result.commit[:12]}). Merge it, then run publish again to verify and tag it",
        }[result.outcome]

    def to_json(self) -> dict[str, object]:
        """Return the outcome as plain values."""
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


def open_place(request: Destination, *, pull_request: bool = False) -> Place:
    """Return the Hub repository or the folder of a request."""
    if not _BRANCH.fullmatch(request.branch):
        raise UsageError(
            f"--branch {request.branch}: not a valid branch name. Use letters, digits, '.', '_', '-' and '/'."
        )
    if request.repo is not None:
        return HubPlace(request.repo, private=request.private, branch=request.branch, pull_request=pull_request)
    if request.private or pull_request:
        raise UsageError("--private and --pr are for --repo: a folder has neither.")
    folder = Path(str(request.to)).expanduser()
    if shutil.which("git") is None or (folder / HISTORY).is_file():
        if request.branch != "main":
            raise UsageError("--branch: a plain folder of versions has no branches; they need the program git.")
        return PlainFolder(folder)
    return GitFolder(folder, branch=request.branch)


def plan_for(request: PublishRequest, place: Place) -> PushPlan:
    """Return the plan of a request, to show to the user first."""
    return plan_push(Path(request.release).expanduser(), place, replace_edits=request.replace_edits)


def publish_release(request: PublishRequest, say: Say, agreed: PushPlan | None = None) -> Published:
    """Push a release, verify the copy and tag it; an error says what was published and what was not.

    ``agreed`` is a plan that the user has just approved; it is not made again. DataError if the release is invalid or
    the copy differs, MachineError if the destination changed since the approval or does not answer, UsageError if it
    refuses.
    """
    place = open_place(request, pull_request=request.pull_request)
    plan = agreed or plan_for(request, place)
    if plan.action == "commit" and request.approval not in (None, plan.approval):
        raise MachineError(
            f"{plan.place} changed after the plan was shown. Nothing was pushed: run again to see the new plan."
        )
    if plan.action != "nothing":
        say("checking the release itself")
        check_release(plan.folder)
        say(f"pushing {plan.title} to {plan.place}")
    result = push(plan, place, replace_edits=request.replace_edits)
    if result.outcome == "proposed":
        return Published(plan, result, ())
    say(f"reading {plan.tag} back")
    checks = read_back(place, plan.tag, plan.folder)
    failed = [check for check in checks if not check.ok]
    if failed:
        raise DataError(
            f"{plan.title} at {plan.place} has the tag {plan.tag}, but its copy is damaged: reading it back failed "
            f"({failed[0].name}: {failed[0].detail}). Do not announce this version. Run the same "
            f"command again to repeat the check; if it fails again, publish a corrected version."
        )
    return Published(plan, result, checks)


def check_release(folder: Path) -> None:
    """Raise DataError with the first failed check of ``verify``."""
    failed = [check for check in verify_release(folder).checks if not check.ok]
    if failed:
        raise DataError(
            f"{folder} is not published: {failed[0].name}: {failed[0].detail}. Build the release again; "
            "`medmultipoints verify` shows all checks."
        )


def place_of(text: str) -> tuple[Place, str] | None:
    """Return place and revision of ``hub:OWNER/NAME@vX.Y.Z`` or ``folder:PATH@vX.Y.Z``; None for a release folder."""
    kind, colon, rest = text.partition(":")
    if not colon or kind not in ("hub", "folder"):
        return None
    where, at, revision = rest.rpartition("@")
    if not (at and where and revision):
        raise UsageError(f"{text}: write it as {kind}:{'OWNER/NAME' if kind == 'hub' else 'PATH'}@vX.Y.Z.")
    request = ask(Destination, **{"repo" if kind == "hub" else "to": where})
    if kind == "folder" and not Path(where).expanduser().is_dir():
        raise UsageError(f"{where}: there is no such folder.")
    return open_place(request), revision
