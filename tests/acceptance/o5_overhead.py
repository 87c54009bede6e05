"""Each runner gives the root of a plain loop on the same corpus; its speed-up, overhead and memory."""

import importlib.util
from pathlib import Path
from typing import Any

import orjson

from benchmarks.measure import Measured, run_measured
from tests.acceptance.builds import build_apart
from tests.acceptance.inputs import ROOT, small
from tests.acceptance.operating import PROGRAM, Site, environment, make_site
from tests.acceptance.servers import server_apart

FULL = {"polyps": 2000, "videos": 16, "frames": 150}
SMALL = {"polyps": 60, "videos": 2, "frames": 60}
RUNNERS = (("threads", 1), ("threads", 2), ("processes", 2), ("dask", 2))
RAY = importlib.util.find_spec("prefect_ray") is not None
"""An extra that the product's lock does not hold: ``pip install "medmultipoints[ray]"``."""
SHARDED = ("index", "derive", "release")
"""The stages whose shards can be worked on at the same time."""


def run(work: Path) -> dict[str, Any]:
    """One build each in one run of this script; the plain loop is the pipeline in one thread without Prefect."""
    site = make_site(work, **(SMALL if small() else FULL))
    told, loop = build_apart(site.recipe, work / "loop", site.sources, workers=1)
    figures = {"plain loop": figure(told, loop, told, loop)}
    images = next(stage["in"] for stage in told["stages"] if stage["name"] == "derive")
    with server_apart(work / "home") as server:
        for runner, workers in (*RUNNERS, *([("ray", 2)] if RAY else [])):
            settings = environment(PREFECT_API_URL=server.api.url, PREFECT_HOME=str(work / "client"))
            found, cost = measured(site, work / f"{runner}-{workers}", runner, workers, settings)
            assert found["manifest_root"] == told["manifest_root"], runner
            figures[f"{runner}, {workers}"] = figure(found, cost, told, loop)
    stages = {stage["name"]: round(stage["seconds"], 2) for stage in told["stages"]}
    return {"images": images, "seconds_by_stage_of_the_loop": stages, "runners": figures,
            "ray": "run" if RAY else "not installed: not run"}  # fmt: skip


def measured(
    site: Site, lake: Path, runner: str, workers: int, settings: dict[str, str]
) -> tuple[dict[str, Any], Measured]:
    """A build by the command line against a server that runs already; what it told, and what it cost."""
    command = [str(PROGRAM), "build", str(site.recipe), f"--lake={lake}", f"--runner={runner}", f"--workers={workers}"]
    cost = run_measured([*command, "--json", *site.given()], ROOT, settings)
    found: dict[str, Any] = orjson.loads(cost.output.splitlines()[-1])
    return found, cost


def figure(told: dict[str, Any], cost: Measured, plain: dict[str, Any], loop: Measured) -> dict[str, float]:
    """Seconds, memory, and both against the plain loop."""
    own, other = sharded(told), sharded(plain)
    return {
        "seconds": round(cost.seconds, 1),
        "seconds_of_sharded_stages": round(own, 1),
        "speed_up": round(loop.seconds / cost.seconds, 2),
        "speed_up_of_sharded_stages": round(other / own, 2),
        "cpu_seconds": round(cost.cpu_seconds, 1),
        "overhead_cpu_seconds": round(cost.cpu_seconds - loop.cpu_seconds, 1),
        "peak_mb": round(cost.peak_bytes / 1e6),
    }


def sharded(told: dict[str, Any]) -> float:
    """The seconds of the stages that are divided."""
    return float(sum(stage["seconds"] for stage in told["stages"] if stage["name"] in SHARDED))
