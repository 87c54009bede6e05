"""One ``manifest_root`` from threads, processes, Dask (also two workers over an S3 lake) and, if installed, Ray."""

import importlib.util
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from tests.acceptance.operating import PROGRAM, Site, environment, make_site, until
from tests.acceptance.servers import server_apart
from tests.object_store import BUCKET, object_store

RAY = importlib.util.find_spec("prefect_ray") is not None
"""An extra that the product's lock does not hold: ``pip install "medmultipoints[ray]"``."""


def run(work: Path) -> dict[str, Any]:
    """One build each, into lakes of their own; the workers of the last share nothing but the store and the sources."""
    site = make_site(work)
    figures: dict[str, Any] = {}
    with server_apart(work / "home") as server:
        settings = environment(PREFECT_API_URL=server.api.url, PREFECT_HOME=str(work / "client"))
        for runner in ("threads", "processes", "dask", *(["ray"] if RAY else [])):
            figures[runner] = build(site, str(work / runner), settings, f"--runner={runner}")
        with object_store() as store, cluster(work, settings | store) as scheduler:
            own = settings | store | {"LAKE_CACHE": str(work / "cache-of-the-flow")}
            lake = f"s3://{BUCKET}/lake"
            figures["dask_s3"] = build(site, lake, own, "--runner=dask", f"--runner-address={scheduler}")
            again = own | {"LAKE_CACHE": str(work / "cache-of-another-machine")}
            kept = build(site, lake, again)
            assert all(stage["kept"] for stage in kept["stages"]), kept
            worked = sorted(path.name for path in work.glob("cache-of-worker-*"))
            assert len(worked) == 2, f"workers that wrote to the store: {worked}"
    roots = {name: one["manifest_root"] for name, one in figures.items()}
    assert len(set(roots.values())) == 1, roots
    seconds = {name: one["seconds"] for name, one in figures.items()}
    return {"manifest_root": roots["threads"], "seconds": seconds, "seconds_kept_on_another_machine": kept["seconds"],
            "workers_that_wrote": worked, "ray": "run" if RAY else "not installed: not run"}  # fmt: skip


def build(site: Site, lake: str, settings: dict[str, str], *options: str) -> dict[str, Any]:
    """What the command tells."""
    command = [str(PROGRAM), "build", str(site.recipe), f"--lake={lake}", "--workers=2", "--json", *options]
    done = subprocess.run([*command, *site.given()], env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(options)}: {done.stderr[-3000:]}"
    told: dict[str, Any] = orjson.loads(done.stdout.splitlines()[-1])
    return told


@contextmanager
def cluster(work: Path, settings: dict[str, str]) -> Iterator[str]:
    """The address of a Dask scheduler with two workers, each a process with a cache of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    dask = [sys.executable, "-m", "distributed.cli"]
    plain = ["--no-dashboard"]
    started = []
    with (work / "dask.log").open("w") as log:

        def start(module: str, *words: str, **more: str) -> None:
            started.append(
                subprocess.Popen([*dask[:2], module, *words], env=settings | more, stdout=log, stderr=log, cwd=work)
            )

        start("distributed.cli.dask_scheduler", "--host", address, *plain)
        try:
            until(lambda: answers(address), "the scheduler")
            for number in (1, 2):
                cache = str(work / f"cache-of-worker-{number}")
                words = [address, "--nthreads", "1", *plain, "--name", f"worker-{number}"]
                start("distributed.cli.dask_worker", *words, LAKE_CACHE=cache)
            yield address
        finally:
            for process in reversed(started):
                process.terminate()
            for process in started:
                process.wait(30)


def answers(address: str) -> bool:
    """Whether something listens there."""
    host, _, port = address.removeprefix("tcp://").partition(":")
    with socket.socket() as tried:
        return tried.connect_ex((host, int(port))) == 0


def cores() -> int:
    """How many there are to share."""
    return os.cpu_count() or 1
