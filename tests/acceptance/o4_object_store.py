"""Dask with 1, 2, 4 and 8 worker processes over an S3 lake, also far away: the same root, speed, traffic, what limits.

Workers share nothing but the store and the sources. The store is a test server in this process; ``latency`` is what
each of its answers waits.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from benchmarks.measure import cpu_of_children, tree_cpu
from tests.acceptance.builds import build_apart
from tests.acceptance.inputs import small
from tests.acceptance.operating import PROGRAM, Site, environment, make_site, until
from tests.acceptance.servers import server_apart
from tests.object_store import BUCKET, Traffic, object_store

FULL = {"polyps": 300, "videos": 16, "frames": 40}
SMALL = {"polyps": 30, "videos": 4, "frames": 20}
LATENCIES = (0.0, 0.02)
WORKERS = (1, 2, 4, 8)
MORE_SENT = 1.1
"""What several workers may send to the store, as a multiple of what one sends: files have their content as name."""


def run(work: Path) -> dict[str, Any]:
    """One build for each latency and number of workers; after the last one another machine finds everything done."""
    site = make_site(work, **(SMALL if small() else FULL))
    plain, loop = build_apart(site.recipe, work / "loop", site.sources, workers=1)
    figures: dict[str, Any] = {"plain loop, lake on disk": {"seconds": round(loop.seconds, 1)}}
    with server_apart(work / "home") as server:
        settings = environment(PREFECT_API_URL=server.api.url, PREFECT_HOME=str(work / "client"))
        for latency in LATENCIES:
            of_one: dict[str, float] = {}
            for workers in WORKERS[1:2] if small() else WORKERS:
                name = f"{workers}-workers-{latency * 1000:.0f}-ms"
                root, found = measured(site, work / name, workers, Traffic(latency), settings)
                assert root == plain["manifest_root"], f"{name}: {root}, plain loop {plain['manifest_root']}"
                of_one = of_one or found
                assert found["mb_to_the_store"] > 0, found
                assert found["mb_to_the_store"] <= MORE_SENT * of_one["mb_to_the_store"], (name, found, of_one)
                figures[name] = found | {"speed_up": round(of_one["seconds"] / found["seconds"], 2)}
    return {"manifest_root": plain["manifest_root"], "cores": os.cpu_count(), "builds": figures}


def measured(
    site: Site, folder: Path, workers: int, traffic: Traffic, settings: dict[str, str]
) -> tuple[str, dict[str, float]]:
    """The root of a build by a cluster that runs already, and what it took of the whole machine."""
    folder.mkdir()
    lake = f"s3://{BUCKET}/{folder.name}"
    with object_store(traffic) as store:
        shared = settings | store
        with cluster(folder, shared, workers) as scheduler:
            mine = shared | {"LAKE_CACHE": str(folder / "cache-of-the-flow")}
            before, asked = spent(), traffic.requests
            told = build(site, lake, mine, "--runner=dask", f"--runner-address={scheduler}")
            seconds, cpu, in_store = (after - start for after, start in zip(spent(), before, strict=True))
        wrote = sorted(path.name for path in folder.glob("cache-of-worker-*"))
        assert len(wrote) == workers, f"workers that wrote to the store: {wrote}"
        figures = {
            "seconds": round(seconds, 1),
            "seconds_of_divided_stages": round(divided(told), 1),
            "cpu_seconds": round(cpu, 1),
            "cpu_seconds_of_the_store": round(in_store, 1),
            "busy_cores": round(cpu / seconds, 2),
            "requests": traffic.requests - asked,
            "mb_to_the_store": round(traffic.received_bytes / 1e6, 1),
            "mb_from_the_store": round(traffic.sent_bytes / 1e6, 1),
        }
        kept = build(site, lake, shared | {"LAKE_CACHE": str(folder / "cache-of-another-machine")})
        assert all(stage["kept"] for stage in kept["stages"]), kept
    return told["manifest_root"], figures | {"seconds_on_another_machine": kept["seconds"]}


def spent() -> tuple[float, float, float]:
    """The time, the processor seconds of everything that this script runs, and those of this process, the store."""
    return time.perf_counter(), cpu_of_children() + tree_cpu(os.getpid()), time.process_time()


def divided(told: dict[str, Any]) -> float:
    """The seconds of the stages of several shards that read or write pictures."""
    return float(sum(stage["seconds"] for stage in told["stages"] if stage["name"] in ("derive", "measure", "release")))


def build(site: Site, lake: str, settings: dict[str, str], *options: str) -> dict[str, Any]:
    """What the command tells."""
    command = [str(PROGRAM), "build", str(site.recipe), f"--lake={lake}", "--json", *options]
    done = subprocess.run([*command, *site.given()], env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(options)}: {done.stderr[-3000:]}"
    told: dict[str, Any] = orjson.loads(done.stdout.splitlines()[-1])
    return told


@contextmanager
def cluster(work: Path, settings: dict[str, str], workers: int) -> Iterator[str]:
    """The address of a Dask scheduler with its workers, each a process of one thread with a cache of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    started = []
    with (work / "dask.log").open("w") as log:

        def start(module: str, *words: str, **more: str) -> None:
            command = [sys.executable, "-m", f"distributed.cli.{module}", *words, "--no-dashboard"]
            started.append(subprocess.Popen(command, env=settings | more, stdout=log, stderr=log, cwd=work))

        start("dask_scheduler", "--host", address)
        try:
            until(lambda: answers(address), "the scheduler")
            for number in range(1, workers + 1):
                cache = str(work / f"cache-of-worker-{number}")
                start("dask_worker", address, "--nthreads", "1", "--name", f"worker-{number}", LAKE_CACHE=cache)
            wait_for_workers(address, workers)
            yield address
        finally:
            for process in reversed(started):
                process.terminate()
            for process in started:
                process.wait(30)


def wait_for_workers(address: str, workers: int) -> None:
    """All workers are there: what is measured after it is a cluster that runs already."""
    from distributed import Client

    with Client(address) as client:
        client.wait_for_workers(workers, timeout=240)


def answers(address: str) -> bool:
    """Whether something listens there."""
    host, _, port = address.removeprefix("tcp://").partition(":")
    with socket.socket() as tried:
        return tried.connect_ex((host, int(port))) == 0
