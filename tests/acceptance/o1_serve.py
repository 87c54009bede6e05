"""``serve`` from a clean clone: a schedule of one minute fires, refresh runs, the pages of the UI show it."""

import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import httpx

from tests.acceptance.a6_kill import gone
from tests.acceptance.inputs import ROOT, need_programs
from tests.acceptance.operating import make_site, picture, serving, stop, until

PICTURES = ROOT / ".accept" / "pictures"
ARTIFACTS = {
    "summary",
    "findings",
    "rejected-rows",
    "expectation-results",
    "contact-sheet",
    "data-docs",
    "progress",
    "published",
}


def run(work: Path) -> dict[str, Any]:
    """The runs of three minutes, then the pages, then the end in order; the clone holds nothing but tracked files."""
    need_programs("chromium", "git")
    clone = work / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True, capture_output=True)
    site = make_site(work / "site")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with serving(site, "--every=1m", f"--to={work / 'versions'}", PYTHONPATH=str(clone)) as served:
        first = until(lambda: served.api.runs("refresh", "COMPLETED"), "the first scheduled refresh")[0]
        again = until(lambda: served.api.runs("refresh", "COMPLETED")[1:], "the second scheduled refresh")[0]
        assert again["state"]["name"] == "Unchanged", again["state"]
        shown = served.api.artifacts()
        assert set(shown) >= ARTIFACTS, ARTIFACTS - set(shown)
        build = served.api.runs("build")[0]
        docs = httpx.get(str(shown["data-docs"]["data"]).split("(")[1].rstrip(")"), trust_env=False)
        assert "expectation results" in docs.text, docs.status_code
        deployment = served.api.deployment("refresh")["id"]
        pages = {
            "run": f"{served.ui}/v2/runs/flow-run/{build['id']}",
            "artifacts": f"{served.ui}/v2/runs/flow-run/{build['id']}?tab=Artifacts",
            "form": f"{served.ui}/v2/deployments/deployment/{deployment}/run",
            "summary": f"{served.ui}/v2/artifacts/artifact/{shown['summary']['id']}",
            "contact-sheet": f"{served.ui}/v2/artifacts/artifact/{shown['contact-sheet']['id']}",
            "data-docs": str(docs.url),
        }
        sizes = {name: picture(url, PICTURES / f"{name}.png") for name, url in pages.items()}
        events = served.api.post("/events/filter", {"filter": {"event": {"prefix": ["prefect.asset."]}}, "limit": 50})
        seconds = stop(served, signal.SIGINT)
    gone(site.lake)
    shutil.rmtree(clone)
    return {
        "seconds_until_served": round(served.start_seconds, 1),
        "first_refresh_seconds": round(first["total_run_time"], 1),
        "unchanged_refresh_seconds": round(again["total_run_time"], 1),
        "asset_events": len(events["events"]),
        "pictures_bytes": sizes,
        "seconds_to_stop": seconds,
    }
