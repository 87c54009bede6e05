"""``prefect deploy --all`` in a clean clone, a server of its own and a worker run the same as ``serve``."""

import signal
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.acceptance.inputs import ROOT, need_programs
from tests.acceptance.operating import PREFECT, Api, Site, environment, make_site, until
from tests.acceptance.servers import server_apart


def run(work: Path) -> dict[str, Any]:
    """Refresh and verify by a worker; a failing refresh and many rejections start the alert by themselves."""
    need_programs("git")
    clone = work / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True, capture_output=True)
    site = make_site(work / "site")
    with server_apart(work / "home") as server:
        settings = environment(PREFECT_API_URL=server.api.url, PREFECT_HOME=str(work / "home"), PYTHONPATH=str(clone))
        prefect(clone, settings, "work-pool", "create", "local-process", "--type", "process")
        deployed = prefect(clone, settings, "--no-prompt", "deploy", "--all")
        names = [one["entrypoint"].rpartition(".")[2] for one in deployments(clone)]
        assert all(server.api.deployment(name) for name in names), deployed
        with (work / "worker.log").open("w") as log:
            worker = subprocess.Popen(
                [str(PREFECT), "worker", "start", "--pool", "local-process"],
                cwd=clone, env=settings, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            figures = worked(server.api, site)
        finally:
            end(worker)
    assert "Traceback" not in (work / "worker.log").read_text("utf-8"), "what failed was told in words"
    left = subprocess.run(
        ["git", "status", "--porcelain"], cwd=clone, check=True, capture_output=True, text=True
    ).stdout
    assert not left, f"deploying and running leave files that are not ignored:\n{left}"
    return {"deployments": names} | figures


def end(worker: "subprocess.Popen[bytes]") -> None:
    """Ask the worker to end; see to it that it does."""
    worker.send_signal(signal.SIGTERM)
    try:
        worker.wait(30)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()


def prefect(clone: Path, settings: dict[str, str], *words: str) -> str:
    """What Prefect's own command prints."""
    done = subprocess.run([str(PREFECT), *words], cwd=clone, env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"prefect {' '.join(words)}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def deployments(clone: Path) -> list[dict[str, Any]]:
    """What prefect.yaml declares."""
    declared: list[dict[str, Any]] = yaml.safe_load((clone / "prefect.yaml").read_text("utf-8"))["deployments"]
    return declared


def worked(api: Api, site: Site) -> dict[str, Any]:
    """What the worker's runs come to."""
    first = api.wait_for(api.start("refresh", site.parameters(alert_above=0.01)), "COMPLETED", "FAILED", "CRASHED")
    assert first["type"] == "FAILED", first
    assert "more than the 1.0% that a refresh publishes (alert_above)" in first["message"], first
    many = alerts(api, "many inputs were rejected", 1)
    again = api.wait_for(api.start("refresh", site.parameters()), "COMPLETED", "FAILED", "CRASHED")
    assert again["name"] == "Unchanged", again
    named = {"what": {"recipe": "operated", "lake": str(site.lake)}}
    verified = api.wait_for(api.start("verify", named), "COMPLETED", "FAILED", "CRASHED")
    assert verified["type"] == "COMPLETED", verified
    broken = site.parameters(recipe=str(site.folder / "no-such.toml"))
    failed = api.wait_for(api.start("refresh", broken), "COMPLETED", "FAILED", "CRASHED")
    assert failed["type"] == "FAILED", failed
    told = alerts(api, "a refresh failed", 2)
    assert any("no-such.toml" in one["parameters"]["details"] for one in told), told
    assert (site.lake / "releases" / "operated" / "1.0.0").is_dir()
    said = {"first": first, "again": again, "verified": verified, "failed": failed}
    started = [one["name"] for one in (*many, *told)]
    return {name: state["message"] for name, state in said.items()} | {"alerts": started}


def alerts(api: Api, subject: str, least: int) -> list[dict[str, Any]]:
    """The finished runs of the alert with that subject."""

    def found() -> list[dict[str, Any]]:
        runs = [one for one in api.runs("alert", "COMPLETED") if one["parameters"].get("subject") == subject]
        return runs if len(runs) >= least else []

    runs: list[dict[str, Any]] = until(found, f"the alert '{subject}'")
    return runs
