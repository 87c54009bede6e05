"""Cancelled, crashed, killed, the server restarted or away for two minutes: the next run goes on, nothing is redone."""

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import orjson

from medmultipoints.data_lake.release.checks.verify import verify_release
from medmultipoints.data_lake.store.layout import Lake
from tests.acceptance.a6_kill import gone, processes_of
from tests.acceptance.inputs import small
from tests.acceptance.operating import PROGRAM, Serving, Site, environment, make_site, serving, stop, until
from tests.acceptance.servers import server_apart

AWAY_SECONDS = 120


def run(work: Path) -> dict[str, Any]:
    """Each case in a lake of its own; every one must end in the root of an undisturbed build."""
    site = make_site(work, polyps=60, videos=6, frames=30)
    root = undisturbed(site)
    cases = {"cancelled": cancelled, "run_killed": run_killed, "serve_killed": serve_killed, "serve_stopped": stopped}
    figures: dict[str, Any] = {"manifest_root": root}
    for name, case in cases.items():
        own = Site(work / name, site.sources)
        own.folder.mkdir()
        own.recipe.write_text(site.recipe.read_text())
        figures[name] = case(own)
        check(own, root)
    own = Site(work / "server_away", site.sources)
    own.folder.mkdir()
    own.recipe.write_text(site.recipe.read_text())
    figures["server_away"] = server_away(own)
    check(own, root)
    return figures


def undisturbed(site: Site) -> str:
    """The root of a build that nobody disturbs."""
    command = [str(PROGRAM), "build", str(site.recipe), f"--lake={site.folder / 'undisturbed'}", "--json"]
    done = subprocess.run([*command, *site.given()], env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return str(orjson.loads(done.stdout)["manifest_root"])


def check(site: Site, root: str) -> None:
    """One release, verified, with the root; no temporary file, no process left."""
    folders = [path for path in (site.lake / "releases" / "operated").iterdir() if path.name != ".lock"]
    assert [path.name for path in folders] == ["1.0.0"], folders
    assert orjson.loads((folders[0] / "manifest.json").read_bytes())["manifest_root"] == root
    report = verify_release(folders[0])
    assert report.ok, [one for one in report.checks if not one.ok]
    assert not list(Lake(site.lake).temporary.iterdir())
    gone(site.lake)


def parts(lake: Path) -> dict[str, int]:
    """Every finished shard, with the time that it was finished."""
    return {str(path.relative_to(lake)): path.stat().st_mtime_ns for path in lake.glob("receipts/*.parts/*.json")}


def half_done(site: Site) -> dict[str, int]:
    """The finished shards as soon as some of the stage ``derive`` are, and not all."""
    until(lambda: any(site.lake.glob("receipts/derive.parts/*.json")), "a finished shard")
    return parts(site.lake)


def resumed(site: Site, served: Serving, before: dict[str, int]) -> dict[str, Any]:
    """A refresh after the disturbance ends in a release and did no finished shard again."""
    state = served.api.wait_for(served.api.start("refresh"), "COMPLETED", "FAILED", "CRASHED", "CANCELLED")
    assert state["type"] == "COMPLETED", state
    assert state["name"] != "Skipped", state
    after = parts(site.lake)
    again = [name for name, when in before.items() if after.get(name) != when]
    assert not again, f"done again: {again}"
    return {"shards_kept": len(before), "shards_done_after": len(after) - len(before), "then": state["message"]}


def cancelled(site: Site) -> dict[str, Any]:
    """Cancelled in the UI, by the API that it uses."""
    with serving(site) as served:
        run = served.api.start("refresh")
        half_done(site)
        served.api.post(f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
        began = time.monotonic()
        served.api.wait_for(run, "CANCELLED")
        seconds = round(time.monotonic() - began, 1)
        figures = resumed(site, served, parts(site.lake))
        stop(served)
    return {"seconds_to_cancel": seconds} | figures


def run_killed(site: Site) -> dict[str, Any]:
    """``kill -9`` of the process of the run: the server says that it crashed."""
    with serving(site) as served:
        run = served.api.start("refresh")
        half_done(site)
        for pid in children(served.process.pid, b"multiprocessing"):
            os.kill(pid, signal.SIGKILL)
        state = served.api.wait_for(run, "CRASHED")
        figures = resumed(site, served, parts(site.lake))
        stop(served)
    return {"said": state["message"]} | figures


def serve_killed(site: Site) -> dict[str, Any]:
    """``kill -9`` of ``serve`` itself: server and run end with it; the next one says that the run crashed."""
    with serving(site) as served:
        run = served.api.start("refresh")
        half_done(site)
        served.process.kill()
        served.process.wait()
        until(lambda: not processes_of(site.lake), "everything to end", 20)
    with serving(site) as served:
        state = served.api.wait_for(run, "CRASHED")
        figures = resumed(site, served, parts(site.lake))
        stop(served, signal.SIGTERM)
    return {"said": state["message"]} | figures


def stopped(site: Site) -> dict[str, Any]:
    """Ctrl-C in the middle of a run, then started again: a restart of the server."""
    with serving(site) as served:
        run = served.api.start("refresh")
        half_done(site)
        seconds = stop(served, signal.SIGINT)
    gone(site.lake)
    with serving(site) as served:
        state = served.api.wait_for(run, "CANCELLED", "CRASHED")
        figures = resumed(site, served, parts(site.lake))
        stop(served)
    return {"seconds_to_stop": seconds, "ended_as": state["type"]} | figures


def server_away(site: Site) -> dict[str, Any]:
    """A server apart is killed in the middle of a build and comes back: the build never notices, but for its pages."""
    away = 20 if small() else AWAY_SECONDS
    with server_apart(site.folder / "home") as server:
        command = [str(PROGRAM), "build", str(site.recipe), f"--lake={site.lake}", "--workers=1", "--json"]
        build = subprocess.Popen(
            [*command, *site.given()],
            env=environment(PREFECT_API_URL=server.api.url, PREFECT_HOME=str(site.folder / "client")),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        half_done(site)
        server.kill()
        began = time.monotonic()
        while time.monotonic() - began < away:
            time.sleep(1)
        ended_before = build.poll() is not None
        server.start()
        output, errors = build.communicate(timeout=300)
        assert build.returncode == 0, errors[-3000:]
        run = until(lambda: server.api.runs("build", "COMPLETED"), "the run to be told as completed", 60)[0]
    outcome = orjson.loads(output)
    return {"seconds_away": away, "build_ended_before": ended_before, "seconds": outcome["seconds"],
            "told_after": run["state"]["message"]}  # fmt: skip


def children(pid: int, word: bytes) -> list[int]:
    """The processes below one that have the word in their command line."""
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, path.read_text().split()):
            command = Path(f"/proc/{child}/cmdline").read_bytes()
            found += [child] if word in command and b"resource_tracker" not in command else []
            found += children(child, word)
    return found
