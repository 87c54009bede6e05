"""The desk in a headless browser: forty findings by keyboard, a box by drag, nothing lost, all of it in the rebuild."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from medmultipoints.data_lake.release.read.compare import diff_folders
from tests.acceptance.browser import NARROW, Page, chromium
from tests.acceptance.builds import build
from tests.acceptance.inputs import ROOT, hyperkvasir, need_programs
from tests.acceptance.t6_report import axe_script, check_access

RECIPE = """
name = "desk"
version = "{version}"
title = "Reviewed on the desk"
seed = 7
[sources.hyperkvasir]
[instructions]
tasks = ["counting"]
[corrections]
files = ["corrections/*.toml"]
"""
DECIDED, PACE_SECONDS, MOST_SECONDS = 40, 1.5, 240.0
WIDE, SCREEN = (1500, 900), (1920, 1080)
PROGRESS = "document.getElementById('progress').textContent"
WAITING = """[...document.querySelectorAll("#by-severity input")].reduce(
    (sum, one) => sum + Number(one.nextSibling.data.split(" ").at(-1)), 0)"""
READY = "!document.body.dataset.busy"
ADDRESS = re.compile(r"http://\S+")


def run(work: Path) -> dict[str, Any]:
    """A release of the real pairs is reviewed, rebuilt and compared."""
    need_programs("chromium")
    first = release(work, "1.0.0")
    file = work / "corrections" / "polyps.toml"
    axe = axe_script(work)
    shots = ROOT / ".accept" / "desk"
    shutil.rmtree(shots, ignore_errors=True)
    shots.mkdir(parents=True)
    with chromium(work) as page:
        with served(first, file, work) as (address, server):
            enter(page, address)
            seconds = decide_by_keyboard(page)
            drawn = edit_by_drag(page, shots)
            told = two_windows(page, address)
            looked = look(page, shots, axe)
            assert not page.problems, page.problems
            os.kill(server.pid, signal.SIGKILL)
            server.wait()
        with served(first, file, work, address) as (address, _server):
            page.open(address)
            page.until("document.getElementById('progress').textContent.includes(' decided')")
            progress = page.evaluate("document.getElementById('progress').textContent")
        assert not (away := [url for url in page.requests if not url.startswith("http://127.0.0.1:")]), away
        # Of the page that lost its server, and knocks at the new one with the old token until it is opened again.
        assert all("net::ERR" in one or "403" in one for one in page.problems), page.problems
    entries = tomllib.loads(file.read_text("utf-8"))["corrections"]
    assert len(entries) == DECIDED + 1, f"{len(entries)} entries"
    assert int(progress.partition(" ")[0]) > DECIDED, progress  # one decision may be about two findings of a picture
    return {
        "decided": DECIDED,
        "seconds": round(seconds, 1),
        "drawn": drawn,
        "second_window_seconds": round(told, 2),
        "lesser_faults": looked,
        "after_kill": progress,
        **rebuilt(work, first, entries),
    }


def release(work: Path, version: str) -> Path:
    """The release of the recipe with the corrections that lie beside it."""
    (work / "corrections").mkdir(exist_ok=True)
    (work / "desk.toml").write_text(RECIPE.format(version=version))
    return build(work / "desk.toml", work / "lake", {"hyperkvasir": hyperkvasir()}).release.path


@contextmanager
def served(
    folder: Path, file: Path, work: Path, before: str = "http://127.0.0.1:0/"
) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """The address of the desk and its process, on the port of the one before: what is drawn belongs to the address."""
    port = before.split("/")[2].rpartition(":")[2]
    command = [sys.executable, "-m", "medmultipoints", "review", "serve", str(folder), "--corrections", str(file)]
    with (work / "serve.log").open("w") as log:
        server = subprocess.Popen(
            [*command, "--port", port], stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT
        )  # fmt: skip
    assert server.stdout
    try:
        found = ADDRESS.search(server.stdout.readline())
        assert found, (work / "serve.log").read_text()
        yield found[0], server
    finally:
        server.terminate()
        server.wait(20)


def enter(page: Page, address: str) -> None:
    """Open the desk, give a name, and queue findings of all severities."""
    page.show(WIDE)
    page.open(address)
    page.until("document.querySelectorAll('.finding').length > 0")
    page.evaluate("document.getElementById('reviewer').focus()")
    page.write("A. Reviewer")
    page.press("Tab")
    page.evaluate("document.querySelectorAll('#by-severity input').forEach((one) => one.checked || one.click())")
    page.until("document.getElementById('frame').clientWidth > 0 && document.getElementById('image').naturalWidth > 0")


def decide_by_keyboard(page: Page) -> float:
    """The seconds in which forty findings are accepted with two keys each, at the pace of somebody who looks."""
    page.evaluate("document.getElementById('picture').focus()")
    start = time.monotonic()
    for _ in range(DECIDED):
        time.sleep(PACE_SECONDS)
        before = page.evaluate(PROGRESS)
        page.strike("a")
        page.until("document.getElementById('reasons').open")
        page.strike("3")
        page.until(f"{PROGRESS} !== {before!r} && {READY}")
    seconds = time.monotonic() - start
    done, _, both = page.evaluate(PROGRESS).split(" ")[:3]
    assert page.evaluate(WAITING) == int(both.replace(",", "")) - int(done.replace(",", ""))
    assert seconds < MOST_SECONDS, f"{seconds:.0f} s"
    return seconds


def edit_by_drag(page: Page, shots: Path) -> str:
    """A box is drawn, its corner dragged, the page reloaded in between; what the page says of it."""
    page.evaluate("document.getElementById('picture').focus()")
    page.until(READY)
    page.strike("e")
    page.until("!document.getElementById('edit-tools').hidden")
    page.strike("b")
    page.until("document.querySelector('[data-key=b][aria-pressed=true]')")
    time.sleep(1.0)
    page.drag(at(page, 100, 120), at(page, 160, 180))
    words = "[...document.querySelectorAll('#facts .objects li')].at(-1).lastChild.textContent"
    page.until(f"{words}.startsWith('60 ') && document.querySelector('[class*=corner-handle-bottomright]')")
    page.drag(at(page, 160, 180), at(page, 200, 200))
    page.until(f"{words}.startsWith('100 ')")
    before = str(page.evaluate(words))
    page.picture("body", shots / "editing-wide-light.png")
    page.evaluate("location.reload()")
    time.sleep(1)
    page.until(f"document.querySelectorAll('#facts .objects li').length > 1 && {words} === {before!r}")
    page.evaluate("document.getElementById('picture').focus()")
    page.strike("Enter")
    page.until("document.getElementById('reasons').open")
    count = page.evaluate(PROGRESS)
    page.strike("3")
    page.until(f"{PROGRESS} !== {count!r} && {READY}")
    return before


def at(page: Page, x: float, y: float) -> list[float]:
    """Where a place of the picture is in the window."""
    script = f"""(() => {{ const area = document.getElementById('stage').getBoundingClientRect(), image =
        document.getElementById('image'), by = area.width / image.naturalWidth;
        return [area.x + {x} * by, area.y + {y} * by] }})()"""
    found: list[float] = page.evaluate(script)
    return found


def two_windows(page: Page, address: str) -> float:
    """The seconds until the page shows what another window took back, and decided again."""
    base, _, token = address.partition("/?token=")
    port = base.rpartition(":")[2]
    with httpx.Client(base_url=base, cookies={f"mm_review_{port}": token}, trust_env=False) as other:
        rows = other.get("/api/queue", params={"reviewer": "A. Reviewer"}).json()["rows"]
        mine = next(row for row in rows if row["mine"] == "accept")
        before = page.evaluate(PROGRESS)
        body = {"finding": mine["finding_id"], "reviewer": "A. Reviewer"}
        assert other.post("/api/undo", json=body).status_code == 200
        seconds = page.until(f"{PROGRESS} !== {before!r}")
        fewer = page.evaluate(PROGRESS)
        again = body | {"verdict": "accept", "reason": "from another window"}
        assert other.post("/api/decision", json=again).status_code == 200
        page.until(f"{PROGRESS} !== {fewer!r}")
    return seconds


def look(page: Page, shots: Path, axe: str) -> list[str]:
    """Pictures of the desk, nothing wider than its window, no serious fault of access."""
    faults: set[str] = set()
    for width, size in (("wide", WIDE), ("screen", SCREEN), ("phone", NARROW)):
        for scheme in ("light", "dark"):
            page.show(size, scheme)
            page.evaluate("location.reload()")
            time.sleep(1)
            page.until(f"document.querySelector('#facts p') && {READY}")
            page.picture("body", shots / f"desk-{width}-{scheme}.png")
            beyond = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert beyond <= 0, f"{width}: the page is {beyond} px wider than the window"
            faults |= {*check_access(page, axe)}
    page.show(WIDE)
    page.evaluate("document.getElementById('picture').focus()")
    page.strike("e")
    page.until("!document.getElementById('edit-tools').hidden")
    time.sleep(0.5)
    faults |= {*check_access(page, axe)}
    page.strike("Escape")
    return sorted(faults)


def rebuilt(work: Path, first: Path, entries: list[dict[str, Any]]) -> dict[str, Any]:
    """The rebuilt release: its card and its difference name what was decided."""
    second = release(work, "1.1.0")
    card = (second / "README.md").read_text("utf-8")
    rows = [line for line in card.splitlines() if line.startswith("| hyperkvasir/") and "A. Reviewer" in line]
    assert len(rows) == len(entries), f"the card has {len(rows)} of {len(entries)} decisions"
    changes = {change.what: change.count for change in diff_folders(first, second).changes}
    assert changes["objects gained"] == 1, changes
    return {"on_the_card": len(rows), "difference": changes}
