"""Push a release: commit, verify, tag. A lost response is resolved by re-reading the remote, never by pushing again."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from medmultipoints.data_lake.publish.places import Change, LostAnswer, Place, StaleParent
from medmultipoints.data_lake.publish.plan import PushPlan, plan_push
from medmultipoints.data_lake.publish.remote_release import wrong_files
from medmultipoints.data_lake.release.write.manifest import is_rooted
from medmultipoints.transforms.errors import MachineError

WAITS = (1.0, 3.0, 9.0)
Outcome = Literal["pushed", "finished", "unchanged", "proposed"]


@dataclass(frozen=True, slots=True)
class PushResult:
    """The published state.

    ``pushed`` by a new commit, ``finished`` by a tag on an existing one, ``unchanged``, or ``proposed`` as a pull
    request, which has no tag. ``bytes`` is the size of the new and changed files.
    """

    outcome: Outcome
    place: str
    name: str
    version: str
    tag: str
    commit: str
    bytes: int = 0


def push(
    plan: PushPlan, place: Place, *, replace_edits: bool = False, waits: Sequence[float] = WAITS,
    sleep: Callable[[float], None] = time.sleep,
) -> PushResult:  # fmt: skip
    """Push the release as planned; MachineError or UsageError if that fails.

    A stale parent or a lost response is resolved by reading the place again. If the same change is still needed, it is
    made on the new parent; if the commit was made, it is finished; if anything else changed, the push stops. The tag is
    set after every file of the commit is compared.
    """
    current = plan
    for wait in (*waits, None):
        try:
            return _push_once(current, place)
        except (StaleParent, LostAnswer) as problem:
            lost = problem
        if wait is not None and not (isinstance(lost, LostAnswer) and lost.definite):
            sleep(wait)
        fresh = plan_push(plan.folder, place, replace_edits=replace_edits)
        if fresh.action == "commit":
            if wait is None or (isinstance(lost, LostAnswer) and lost.definite):
                raise lost
            _check_still_agreed(plan, fresh)
        current = fresh
    return _push_once(current, place)  # the commit exists: no response can be lost any more


def _push_once(plan: PushPlan, place: Place) -> PushResult:
    if plan.unfinished:
        tag, commit = plan.unfinished
        place.tag(tag, commit, f"{plan.name} {tag.removeprefix('v')}")
    outcome, commit, sent = _apply_plan(plan, place)
    wrong = wrong_files(
        place.files(commit), [file for file in plan.local if plan.action == "commit" or is_rooted(file.path)]
    )
    if wrong:
        raise MachineError(
            f"{plan.place}: commit {commit[:12]} was made, but {wrong[0]} in it is not the file of the release"
            f"{f' (and {len(wrong) - 1} more)' if len(wrong) > 1 else ''}. It has no tag. Publish again; if it stays "
            "so, the place damages files."
        )
    if place.proposes and plan.action == "commit":
        outcome = "proposed"
    elif plan.action != "nothing":
        place.tag(plan.tag, commit, plan.title)
    return PushResult(outcome, plan.place, plan.name, plan.version, plan.tag, commit, sent)


def _apply_plan(plan: PushPlan, place: Place) -> tuple[Outcome, str, int]:
    if plan.action == "nothing" and plan.commit:
        return "proposed" if plan.proposal else "unchanged", plan.commit, 0
    if plan.action == "tag" and plan.commit:
        return "finished", plan.commit, 0
    parent = plan.parent
    if plan.creates:
        place.create()
    if plan.creates and parent is None:
        state = place.state()
        if set(state.files) - {".gitattributes"}:
            raise StaleParent(f"{plan.place} was made by someone else meanwhile.")
        parent = state.head
    new = {file.path for file in plan.paths("added", "changed")}
    add = tuple(file for file in plan.local if file.path in new)
    delete = tuple(file.path for file in plan.paths("deleted"))
    commit = place.commit(Change(plan.folder, add, delete, plan.title, plan.message), parent)
    return "pushed", commit, sum(file.bytes for file in add)


def _check_still_agreed(agreed: PushPlan, fresh: PushPlan) -> None:
    if fresh.approval != agreed.approval:
        raise MachineError(
            f"{agreed.place} was changed by someone else during the push, so that the plan is no longer the one that "
            "was agreed to. Nothing was overwritten. Run the same command again to see the new plan."
        )
