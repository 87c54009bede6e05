"""A build of 5,000 tasks against a Prefect server with PostgreSQL; what a task costs there, and with SQLite."""

import time
from pathlib import Path
from typing import Any

import orjson

from benchmarks.measure import Measured, run_measured, tree_cpu
from medmultipoints.data_lake.simulate import SimulatedSizes, write_sources
from tests.acceptance.builds import build_apart
from tests.acceptance.inputs import ROOT, small
from tests.acceptance.operating import PROGRAM, Site, environment, until
from tests.acceptance.servers import Server, database_size, postgresql, server_apart

FEW, MANY = (100, 200) if small() else (1_000, 5_000)
GROWTH = 1.5
"""What a task may cost among many, as a multiple of what it costs among few."""
RECIPE = """
name = "tasks"
version = "1.0.0"
title = "Videos of one frame"
seed = 7

[sources.visem_tracking]
sampling = "all"

[instructions]
tasks = ["bounding"]
"""


def run(work: Path) -> dict[str, Any]:
    """Both databases with few tasks, PostgreSQL with many; the plain loop is the same build without Prefect."""
    few, many = loop(work / "few", FEW), loop(work / "many", MANY)
    figures = {f"SQLite, {FEW} tasks": against(*few, "")}
    with postgresql() as database:
        figures[f"PostgreSQL, {FEW} tasks"] = less = against(*few, database)
    with postgresql() as database:
        figures[f"PostgreSQL, {MANY} tasks"] = more = against(*many, database)
    for name in ("cpu_ms_a_task_of_the_build", "cpu_ms_a_task_of_the_server"):
        assert small() or more[name] <= GROWTH * less[name], f"{name}: {less[name]}, among {MANY} {more[name]}"
    return figures


def loop(folder: Path, videos: int) -> tuple[Site, int, str, Measured]:
    """So many videos of one frame, built without Prefect: root and cost."""
    site = make_videos(folder, videos)
    told, cost = build_apart(site.recipe, folder / "loop", site.sources, workers=2)
    return site, videos, told["manifest_root"], cost


def make_videos(folder: Path, videos: int) -> Site:
    """So many videos of one frame and one object each: each is a shard of ``derive``, and so a task."""
    lines = [f"{video}_frame_0,1,0,0" for video in range(videos)]
    table = "\n".join(["frame_name, sperm_count, cluster_count, small_or_pinhead_count", *lines, ""])
    sizes = SimulatedSizes(polyps=0, instruments=0, video_files="none")
    site = Site(folder, write_sources(folder / "sources", seed=3, sizes=sizes, counts=table.encode()).paths)
    site.recipe.write_text(RECIPE)
    return site


def against(site: Site, videos: int, plain: str, loop: Measured, database: str) -> dict[str, Any]:
    """The build with a server of its own, every task run of which ends as completed."""
    home = site.folder / ("postgresql" if database else "sqlite")
    with server_apart(home / "home", database) as server:
        assert server.process is not None
        held, before = database_size(home / "home", database), tree_cpu(server.process.pid)
        root, cost = build(site, home, server)
        tasks = finished_tasks(server, videos)
        cpu, seconds = tree_cpu(server.process.pid) - before, time_of_a_page(server)
        size = database_size(home / "home", database) - held
    assert root == plain, f"{root}, without Prefect {plain}"
    return {
        "task_runs": tasks,
        "seconds": round(cost.seconds, 1),
        "seconds_without_prefect": round(loop.seconds, 1),
        "cpu_ms_a_task_of_the_build": round(1000 * (cost.cpu_seconds - loop.cpu_seconds) / tasks, 1),
        "cpu_ms_a_task_of_the_server": round(1000 * cpu / tasks, 1),
        "kb_a_task_in_the_database": round(size / tasks / 1000, 1),
        "peak_mb_of_the_build": round(cost.peak_bytes / 1e6),
        "peak_mb_without_prefect": round(loop.peak_bytes / 1e6),
        "seconds_to_list_the_newest_200_task_runs": seconds,
    }


def build(site: Site, home: Path, server: Server) -> tuple[str, Measured]:
    """The root of a build with two threads, and its cost."""
    settings = environment(PREFECT_API_URL=server.api.url, PREFECT_HOME=str(home / "client"))
    command = [str(PROGRAM), "build", str(site.recipe), f"--lake={home / 'lake'}", "--workers=2", "--json"]
    cost = run_measured([*command, *site.given()], ROOT, settings)
    return str(orjson.loads(cost.output.splitlines()[-1])["manifest_root"]), cost


def finished_tasks(server: Server, least: int) -> int:
    """The number of task runs once all are completed; the server records them a while after the build has ended."""
    (run,) = until(lambda: server.api.runs("build", "COMPLETED"), "the run of the build")
    own = {"flow_runs": {"id": {"any_": [run["id"]]}}}
    completed = {"task_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}

    def counted() -> int:
        done, every = (int(server.api.post("/task_runs/count", own | more)) for more in (completed, {}))
        return every if done == every >= least else 0

    return int(until(counted, f"{least} task runs or more, all completed"))


def time_of_a_page(server: Server) -> float:
    """The seconds until the newest 200 task runs are listed, as the run page asks for them."""
    began = time.perf_counter()
    rows = server.api.post("/task_runs/filter", {"sort": "EXPECTED_START_TIME_DESC", "limit": 200})
    assert rows
    return round(time.perf_counter() - began, 2)
