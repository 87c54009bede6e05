"""A desk on a simulated release, and a running server of it."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import uvicorn

from medmultipoints.data_lake.review.address import listen
from medmultipoints.data_lake.review.corrections_file import CorrectionsFile
from medmultipoints.data_lake.review.desk import Desk
from medmultipoints.data_lake.review.server import Server
from medmultipoints.data_lake.simulate import SimulatedSizes, write_sources
from medmultipoints.flows.engine.execute import execute
from medmultipoints.flows.engine.prepare import prepare
from medmultipoints.flows.engine.request import BuildRequest
from medmultipoints.flows.engine.running.run import Unwatched, run_in_threads
from medmultipoints.flows.recipe.corrections import parse_file
from medmultipoints.flows.stages.pipeline import PIPELINE
from tests.data_lake.review.browsing import Answer, Served
from tests.planted.findings import pair_findings

FAULTS = ("phantom_box", "inflated_box", "stray_pixel")
FINDINGS = pair_findings("shifted", "split", "merged")
RECIPE = """
name = "desk"
version = "1.0.0"
title = "Simulated"
seed = 7
[sources.hyperkvasir]
[sources.visem_tracking]
[instructions]
tasks = ["counting"]
[corrections]
files = ["corrections/*.toml"]
[validation]
max_rejected_fraction = 0.5
"""


def build(folder: Path) -> Path:
    """The release of the recipe and its corrections in a folder."""
    sizes = SimulatedSizes(polyps=24, instruments=0, videos=1, frames=12, unsegmented=0)
    written = write_sources(folder / "in", seed=3, sizes=sizes, faults=FAULTS, further=FINDINGS)
    (folder / "desk.toml").write_text(RECIPE)
    (folder / "corrections").mkdir(exist_ok=True)
    request = BuildRequest(
        recipe=str(folder / "desk.toml"),
        lake=str(folder / "lake"),
        sources={name: str(path) for name, path in written.paths.items()},
        version="auto",
    )
    return execute(prepare(request, PIPELINE), PIPELINE, run_in_threads(2), Unwatched()).release.path


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A desk with findings of masks and tracks, and twelve records to check."""
    return Desk(build(tmp_path_factory.mktemp("desk")), sample=12)


@pytest.fixture
def file(tmp_path: Path) -> CorrectionsFile:
    """A corrections file that is not there yet."""
    return CorrectionsFile(tmp_path / "corrections" / "polyps.toml", parse_file)


@pytest.fixture
def served(desk: Desk, file: CorrectionsFile) -> Iterator[Served]:
    """The desk on a port of its own."""
    listener = listen(0)
    port = listener.getsockname()[1]
    own = Server(desk, file)
    server = uvicorn.Server(uvicorn.Config(own.app("secret", port), log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield Served(port, "secret")
    own.closing = server.should_exit = True
    thread.join(10)
    listener.close()


def decide(served: Served, finding: str, verdict: str, reviewer: str = "A. B.", **more: Any) -> Answer:
    """The answer to a decision."""
    body = {"finding": finding, "verdict": verdict, "reviewer": reviewer, "reason": "seen", **more}
    return served.post("/api/decision", orjson.dumps(body))
