"""Two publishers at once: one wins, the other finds its version published or stops; nothing is lost."""

import multiprocessing
from collections import Counter
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from medmultipoints.data_lake.publish.plan import plan_push
from medmultipoints.data_lake.publish.push import push
from medmultipoints.transforms.errors import PipelineError
from tests.acceptance.inputs import small
from tests.acceptance.publishing import apart, own_hub
from tests.hub.fixtures import check_never_half, copy_repository, history, place_at, publish, write_versions

BASE, REPO = "acme/base", "acme/contested"


def run(work: Path) -> dict[str, Any]:
    """The contests, in a process of its own."""
    return apart(__name__, work)


def publisher(folder: str, ready: Barrier, answers: "multiprocessing.SimpleQueue[str]") -> None:
    """One publisher, in a process: its plan made before anyone pushes."""
    place = place_at(REPO)
    plan = plan_push(Path(folder), place)
    ready.wait(60)
    try:
        answers.put(push(plan, place).outcome)
    except PipelineError as error:
        answers.put(f"stopped: {error}")


def show(work: Path) -> dict[str, Any]:
    """How each publisher ended, by contest."""
    versions = write_versions(work / "versions")
    contests = {"same version": ("1.1.0", "1.1.0"), "different versions": ("1.1.0", "2.0.0")}
    figures: dict[str, Any] = {}
    with own_hub(work) as hub:
        publish(versions["1.0.0"], BASE)
        for name, pair in contests.items():
            ends: Counter[str] = Counter()
            for _ in range(2 if small() else 10):
                copy_repository(hub, BASE, REPO)
                answers = contest([versions[version] for version in pair])
                ends.update(answer.split(":")[0] for answer in answers)
                titles, tags = history(hub, REPO)
                assert len(titles) == 3, f"{name}: {titles}, {answers}"
                assert set(tags.values()) == set(titles[1:]), f"{name}: {tags}, {answers}"
                for version in pair:
                    check_never_half(hub, REPO, versions[version], version)
                assert sum(answer == "pushed" for answer in answers) == 1, answers
            figures[name] = dict(ends)
    assert "stopped" not in figures["same version"], figures
    return {"contests": sum(sum(ends.values()) for ends in figures.values()) // 2, **figures}


def contest(folders: list[Path]) -> list[str]:
    """What became of publishers that start at the same moment."""
    context = multiprocessing.get_context("spawn")
    ready, answers = context.Barrier(len(folders)), context.SimpleQueue()
    children = [context.Process(target=publisher, args=(str(folder), ready, answers)) for folder in folders]
    for child in children:
        child.start()
    for child in children:
        child.join(120)
    return [answers.get() for _ in folders]
