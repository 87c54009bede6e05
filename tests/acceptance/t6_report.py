"""The report in a headless browser: every section wide and narrow, nothing asked for, no serious fault of access."""

import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import polars as pl

from medmultipoints.data_lake.report.correction_entries import entry, values_of
from medmultipoints.data_lake.simulate import SimulatedSizes, write_sources
from medmultipoints.transforms.reporting.choices import worst_first
from medmultipoints.transforms.sources.simulated.faults import all_faults
from tests.acceptance.browser import NARROW, WIDE, Page, chromium
from tests.acceptance.builds import build
from tests.acceptance.inputs import ROOT, hyperkvasir, need_programs, small

AXE = "axe-playwright-python"  # it brings axe-core as one file
RECIPE = """name = "looked_at"
version = "{version}"
title = "Simulated and real"
seed = {seed}
[sources.hyperkvasir]
[sources.kvasir_instrument]
[sources.visem_tracking]
[splits]
fractions = {{ train = 0.8, validation = 0.1, test = 0.1 }}
{previous}
[corrections]
files = ["{corrections}/*.toml"]
[validation]
max_rejected_fraction = 0.5
"""
MOST_BYTES, MOST_SECONDS = 12_000_000, 5.0
SERIOUS = {"serious", "critical"}


def run(work: Path) -> dict[str, Any]:
    """The report of the real pictures with simulated videos, after a version before it; then one of 6,000 images."""
    need_programs("chromium")
    axe = axe_script(work)
    (work / "none").mkdir()  # of recipes without corrections
    page = report_of_two_versions(work)
    shots = ROOT / ".accept" / "report"
    shutil.rmtree(shots, ignore_errors=True)
    shots.mkdir(parents=True)
    with chromium(work) as browser:
        figures = look(browser, page, shots, axe)
        figures |= {"corrections_copied": check_corrections(browser, page), "paged": check_paging(browser, page)}
        figures["keyboard_stops"] = check_keyboard(browser, page)
        big, seconds = large_report(work)
        browser.show(WIDE)
        loaded = browser.open(big)
        assert not outside(browser, big), outside(browser, big)
    assert big.stat().st_size < MOST_BYTES, f"{big.stat().st_size:,} bytes"
    assert loaded < MOST_SECONDS, f"{loaded:.1f} s to load"
    return figures | {
        "screenshots": str(shots.relative_to(ROOT)),
        "large_images": 400 if small() else 6000,
        "large_bytes": big.stat().st_size,
        "large_seconds_to_make": round(seconds, 1),
        "large_seconds_to_load": round(loaded, 2),
    }


def report_of_two_versions(work: Path) -> Path:
    """The page of a release with everything to be seen, made twice: equal bytes."""
    sources = write_sources(work / "sources", seed=9, faults=all_faults()).paths
    given = {**sources, "hyperkvasir": hyperkvasir()}
    fewer = write_sources(work / "fewer", seed=8, sizes=SimulatedSizes(polyps=0, videos=0)).paths["kvasir_instrument"]
    first, second = work / "first.toml", work / "second.toml"
    first.write_text(RECIPE.format(version="1.0.0", seed=1, previous="", corrections="none"))
    before = build(first, work / "lake", given).release
    root = before.manifest_root
    write_correction(work / "reviewed", before.path)
    second.write_text(
        RECIPE.format(version="2.0.0", seed=2, previous=f'previous = "looked_at@{root}"', corrections="reviewed")
    )
    outcome = build(second, work / "lake", {**given, "kvasir_instrument": fewer})
    pages = [work / name for name in ("report.html", "again.html")]
    for page in pages:
        command("report", outcome.release.path, "--to", page)
    assert pages[0].read_bytes() == pages[1].read_bytes(), "two reports of one release differ"
    assert "A. Reviewer" in pages[0].read_text(), "the correction that was copied from a finding is not shown"
    return pages[0]


def write_correction(folder: Path, release: Path) -> None:
    """The entry of the first finding as the page gives it, completed as a reviewer would."""
    found = pl.read_parquet(release / "quarantine/disagreements.parquet").filter(source="hyperkvasir")
    first = worst_first(found).row(0, named=True)
    values = values_of(first)
    assert values is not None, f"{first} has no entry"
    text = entry(values, "accept").replace('reviewer = ""', 'reviewer = "A. Reviewer"')
    folder.mkdir()
    (folder / "first.toml").write_text(text.replace('date = ""', 'date = "2026-11-22"'))


def look(browser: Page, page: Path, shots: Path, axe: str) -> dict[str, Any]:
    """Pictures of every section in both widths and schemes, what the page asked for, and what axe finds."""
    faults: dict[str, int] = {}
    sections: list[str] = []
    for width, size in (("wide", WIDE), ("narrow", NARROW)):
        for scheme in ("light", "dark"):
            browser.show(size, scheme)
            browser.open(page)
            pictures = browser.load_pictures()
            sections = browser.evaluate("[...document.querySelectorAll('section')].map((one) => one.id)")
            beyond = browser.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert beyond <= 0, f"{width}: the page is {beyond} px wider than the window"
            for name in sections:
                browser.picture(f"#{name}", shots / f"{name}-{width}-{scheme}.png")
            for fault in check_access(browser, axe):
                faults[fault] = faults.get(fault, 0) + 1
    assert not browser.problems, browser.problems
    assert not outside(browser, page), outside(browser, page)
    missing = browser.evaluate("[...document.images].filter((one) => !one.alt).length")
    assert missing == 0, f"{missing} pictures have no text"
    return {"sections": len(sections), "pictures": pictures, "requests": 0, "lesser_faults": faults}


def outside(browser: Page, page: Path) -> list[str]:
    """What the page asked for but itself and the pictures inside it."""
    return [url[:100] for url in browser.requests if not url.startswith(("data:", page.parent.as_uri()))]


def check_access(browser: Page, axe: str) -> list[str]:
    """What axe finds; AssertionError for a serious fault."""
    browser.call("Runtime.evaluate", expression=axe)
    found = browser.evaluate("axe.run().then((told) => told.violations)")
    told = [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found if one["impact"] in SERIOUS]
    assert not told, "; ".join(told)
    return [one["id"] for one in found]


def axe_script(work: Path) -> str:
    """axe-core, from the Python package that carries it; nothing of it is installed."""
    call = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(work / "axe"), AXE]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{AXE} cannot be had: {done.stderr[-300:]}"
    with zipfile.ZipFile(next((work / "axe").glob("*.whl"))) as wheel:
        return wheel.read(next(name for name in wheel.namelist() if name.endswith("axe.min.js"))).decode()


def check_corrections(browser: Page, page: Path) -> int:
    """Every action of the first findings gives the entry that Python gives, and valid TOML."""
    browser.show(WIDE)
    browser.open(page)
    script = """[...document.querySelectorAll('#findings li')].slice(0, 5).flatMap((item) => {
        const select = item.querySelector('select'), values = item.querySelector('button').dataset.entry;
        return [...select.options].map((option) => {
            select.value = option.value;
            select.dispatchEvent(new Event('change', { bubbles: true }));
            return [values, option.value, item.querySelector('pre').textContent] }) })"""
    entries = browser.evaluate(script)
    for values, action, text in entries:
        assert text == entry(json.loads(values), action), text
        assert tomllib.loads(text)["corrections"][0]["image"] == json.loads(values)["image"]
    assert entries, "no finding can be corrected"
    copied = browser.evaluate("""(async () => {
        let text = ""; navigator.clipboard.writeText = async (given) => { text = given; };
        document.querySelector('[data-listing=findings] tbody button').click();
        await new Promise((done) => setTimeout(done, 50)); return text })()""")
    assert tomllib.loads(copied)["corrections"], "nothing was copied"
    return len(entries)


def check_paging(browser: Page, page: Path) -> str:
    """Search and pages of the quarantine."""
    browser.open(page)
    script = """(() => { const list = document.querySelector('[data-listing=exclusions]');
        const rows = () => list.querySelectorAll('tbody tr').length, before = rows();
        const search = list.querySelector('input'); search.value = 'rejected index';
        search.dispatchEvent(new Event('input'));
        return [before, rows(), list.querySelector('[role=status]').textContent] })()"""
    before, after, status = browser.evaluate(script)
    assert 0 < after <= before <= 50, f"{before} rows, {after} after the search"
    return str(status)


def check_keyboard(browser: Page, page: Path) -> int:
    """The first stop is the way past the navigation; every stop can be seen."""
    browser.open(page)
    browser.press("Tab")
    first = browser.evaluate("document.activeElement.getAttribute('href')")
    assert first == "#content", f"the first stop is {first}"
    seen = set()
    for _ in range(40):
        browser.press("Tab")
        stop, width = browser.evaluate("""(() => { const one = document.activeElement;
            return [one.outerHTML.slice(0, 80), parseFloat(getComputedStyle(one).outlineWidth)] })()""")
        assert width > 0, f"{stop} has no visible focus"
        seen.add(stop)
    return len(seen)


def large_report(work: Path) -> tuple[Path, float]:
    """The page of a simulated release of 6,000 images, and the seconds that it took to make."""
    sizes = SimulatedSizes(polyps=1000, instruments=590, videos=20, frames=221)
    if small():
        sizes = SimulatedSizes(polyps=60, instruments=40, videos=3, frames=100)
    sources = write_sources(work / "large", seed=6, sizes=sizes, faults=all_faults()).paths
    recipe = work / "large.toml"
    recipe.write_text(
        RECIPE.format(version="1.0.0", seed=3, previous="", corrections="none").replace("looked_at", "large")
    )
    release = build(recipe, work / "large_lake", sources).release.path
    start = time.perf_counter()
    command("report", release, "--to", work / "large.html")
    return work / "large.html", time.perf_counter() - start


def command(*words: object) -> None:
    """Run the command line."""
    call = [sys.executable, "-m", "medmultipoints", *map(str, words)]
    done = subprocess.run(call, capture_output=True, text=True, env=os.environ, check=False)
    assert done.returncode == 0, f"{words}: {done.stderr}"
