"""What the scripts about operation share: a server as a person starts it, its API, its pages as pictures."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import orjson

from medmultipoints.data_lake.simulate import SimulatedSizes, write_sources

PROGRAM = Path(sys.executable).with_name("medmultipoints")
PREFECT = Path(sys.executable).with_name("prefect")
PATIENCE = 240.0
RECIPE = """
name = "operated"
version = "1.0.0"
title = "Operated"
seed = 5

[sources.hyperkvasir]
[sources.kvasir_instrument]
[sources.visem_tracking]

[splits]
fractions = { train = 0.7, test = 0.3 }

[validation]
max_rejected_fraction = 0.9
"""


@dataclass(frozen=True, slots=True)
class Site:
    """A folder with sources and a recipe, and the environment that everything there runs in."""

    folder: Path
    sources: dict[str, Path]

    @property
    def lake(self) -> Path:
        return self.folder / "lake"

    @property
    def recipe(self) -> Path:
        return self.folder / "operated.toml"

    def given(self) -> list[str]:
        """The sources as options."""
        return [f"--source={name}={path}" for name, path in self.sources.items()]

    def parameters(self, **more: Any) -> dict[str, Any]:
        """What a flow is given to work here."""
        sources = {name: str(path) for name, path in self.sources.items()}
        return {"what": {"recipe": str(self.recipe), "lake": str(self.lake), "sources": sources, **more}}


def make_site(folder: Path, *, polyps: int = 30, videos: int = 4, frames: int = 20) -> Site:
    """Simulated sources and a recipe."""
    sizes = SimulatedSizes(polyps=polyps, instruments=10, videos=videos, frames=frames)
    site = Site(folder, write_sources(folder / "sources", seed=3, sizes=sizes, faults=("truncated_image",)).paths)
    site.recipe.write_text(RECIPE)
    return site


def environment(**more: str) -> dict[str, str]:
    """Ours without Prefect's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "MEDMULTI"))}
    return kept | {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"} | more


@dataclass(frozen=True, slots=True)
class Api:
    """A Prefect server by its address."""

    url: str

    def post(self, path: str, body: object) -> Any:
        """The answer to a question; AssertionError where it is refused."""
        answer = httpx.post(f"{self.url}{path}", json=body, timeout=30, trust_env=False)
        for _ in range(5):
            if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE:  # SQLite was busy
                break
            time.sleep(2)
            answer = httpx.post(f"{self.url}{path}", json=body, timeout=30, trust_env=False)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text[:500]}"
        return answer.json() if answer.content else None

    def runs(self, flow: str, *states: str) -> list[dict[str, Any]]:
        """The runs of a flow in these states (types), or in all that began, the oldest first."""
        types = list(states) or ["RUNNING", "COMPLETED", "FAILED", "CRASHED", "CANCELLED", "CANCELLING"]
        body = {"flows": {"name": {"any_": [flow]}}, "flow_runs": {"state": {"type": {"any_": types}}}}
        found: list[dict[str, Any]] = self.post("/flow_runs/filter", body | {"sort": "START_TIME_ASC"})
        return found

    def deployment(self, flow: str) -> dict[str, Any]:
        """The deployment of a flow."""
        found: list[dict[str, Any]] = self.post("/deployments/filter", {"flows": {"name": {"any_": [flow]}}})
        return found[0]

    def start(self, flow: str, parameters: Mapping[str, Any] | None = None) -> str:
        """The id of a run that is asked for now."""
        body = {"state": {"type": "SCHEDULED"}} | ({"parameters": dict(parameters)} if parameters else {})
        run: dict[str, str] = self.post(f"/deployments/{self.deployment(flow)['id']}/create_flow_run", body)
        return run["id"]

    def state(self, run: str) -> dict[str, Any]:
        """The state of a run."""
        found: dict[str, Any] = httpx.get(f"{self.url}/flow_runs/{run}", trust_env=False).json()["state"]
        return found

    def artifacts(self) -> dict[str, dict[str, Any]]:
        """The newest artifact of each key."""
        found = self.post("/artifacts/filter", {"sort": "UPDATED_DESC"})
        return {one["key"]: one for one in reversed(found) if one["key"]}

    def wait_for(self, run: str, *types: str) -> dict[str, Any]:
        """The state of a run once it is one of these types."""
        return until(lambda: (state := self.state(run))["type"] in types and state, f"run {run} to be {types}")


def until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """What the condition gives as soon as it gives something; AssertionError where it does not in time."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.25)
    return found


@dataclass(slots=True)
class Serving:
    """A ``medmultipoints serve`` that runs."""

    process: "subprocess.Popen[str]"
    api: Api
    ui: str
    start_seconds: float


@contextmanager
def serving(site: Site, *options: str, **settings: str) -> Iterator[Serving]:
    """The program as a person starts it; it is killed after the block if it still runs."""
    command = [str(PROGRAM), "serve", str(site.recipe), f"--lake={site.lake}", "--port=0", "--json", *options]
    started = time.monotonic()
    with (site.folder / "serve.log").open("a") as log:
        process = subprocess.Popen(
            [*command, *site.given()],
            cwd=site.folder,
            env=environment(**settings),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"serve ended: {(site.folder / 'serve.log').read_text()[-2000:]}"
        told = orjson.loads(line)
        yield Serving(process, Api(told["api"]), told["ui"], time.monotonic() - started)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def stop(served: Serving, number: signal.Signals = signal.SIGINT) -> float:
    """The seconds that it takes to end after the signal; AssertionError where it does not end in order."""
    started = time.monotonic()
    served.process.send_signal(number)
    code = served.process.wait(60)
    assert code == 0, f"serve ended with {code} after {number.name}"
    return round(time.monotonic() - started, 1)


def picture(url: str, path: Path, size: str = "1400,1000") -> int:
    """Take a picture of a page with headless Chromium; its size in bytes."""
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={size}"]
    subprocess.run(
        [*command, "--virtual-time-budget=15000", f"--screenshot={path}", url],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    return path.stat().st_size
