"""Versions on the test Hub: first push, identical re-push, rows, a box, the card, a label and an image; and refusals.

Commits and tags after each step are in the figures.
"""

from pathlib import Path
from typing import Any

from medmultipoints.data_lake.publish.plan import plan_push
from medmultipoints.data_lake.publish.versions import VersionRefused
from tests.acceptance.publishing import apart, history, own_hub, write_sequence
from tests.hub.fixtures import place_at, publish

REPO = "acme/versions"
EXPECTED = {
    "first push": ("pushed", None),
    "identical re-push": ("unchanged", None),
    "rows added": ("pushed", "minor"),
    "box corrected": ("pushed", "minor"),
    "card changed": ("pushed", "patch"),
    "image and label removed": ("pushed", "major"),
}


def run(work: Path) -> dict[str, Any]:
    """The sequence, in a process of its own."""
    return apart(__name__, work)


def show(work: Path) -> dict[str, Any]:
    """Commits and tags after each push, and the words of each difference."""
    releases = write_sequence(work / "releases")
    steps: dict[str, Any] = {}
    with own_hub(work) as hub:
        for name, folder in releases.items():
            plan = plan_push(folder, place_at(REPO))
            result = publish(folder, REPO)
            level = plan.difference.split(":")[0] or None
            assert (result.outcome, level) == EXPECTED[name], f"{name}: {result.outcome}, {plan.difference}"
            steps[name] = history(hub, REPO) | {"difference": plan.difference.splitlines()}
        try:
            publish(releases["rows added"].with_name("again"), REPO)
            plan_push(write_taken(work), place_at(REPO))
            raise AssertionError("a version with other content was not refused")
        except VersionRefused as refused:
            proposed = refused.proposed
    last = steps["image and label removed"]
    assert len(last["commits"]) == 1 + 5, last
    assert [tag.split(" ")[0] for tag in last["tags"]] == ["v1.0.0", "v1.1.0", "v1.2.0", "v1.2.1", "v2.0.0"], last
    return {"pushes": len(steps), "commits": 5, "tags": 5, "refused_with_proposal": proposed, "steps": steps}


def write_taken(work: Path) -> Path:
    """A release of version 1.0.0 with other content than the one that was published."""
    from tests.data_lake.release.tiny_release import write_release
    from tests.data_lake.release.tiny_tables import make_tables

    return write_release(work / "taken", make_tables(), "1.0.0")
