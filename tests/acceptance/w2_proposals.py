"""Proposals on the desk in a headless browser: accepted, edited and refused by key, then in the next version."""

from pathlib import Path
from typing import Any

import polars as pl

from medmultipoints.data_lake.release.checks.verify import verify_release
from medmultipoints.data_lake.release.read.compare import diff_folders
from medmultipoints.data_lake.witnesses.write_predictions import predict_release
from tests.acceptance.browser import Page, chromium
from tests.acceptance.inputs import ROOT, need_programs
from tests.acceptance.t9_desk import PROGRESS, READY, at, enter, served
from tests.data_lake.witnesses.declared_models import declare, red_model
from tests.flows.stages.test_witness import release_of, table, write_pictures

SHOWN = "state.item.kind"


def run(work: Path) -> dict[str, Any]:
    """A model proposes four squares; a reviewer decides about three of them, and the release follows."""
    need_programs("chromium")
    write_pictures(work / "own")
    (work / "corrections").mkdir()
    plain = release_of(work, "1.0.0")
    told = predict_release(
        plain, [declare(work / "models", red_model())], work / "said", pictures=[work / "own" / "images"]
    )
    section = f'[witness]\nfile = "said/predictions.parquet"\nsha256 = "{told["sha256"]}"\n'
    first = release_of(work, "1.1.0", section)
    shots = ROOT / ".accept" / "desk"
    shots.mkdir(parents=True, exist_ok=True)
    with chromium(work) as page, served(first, work / "corrections" / "squares.toml", work) as (address, _server):
        enter(page, address)
        names = decide(page, shots)
        assert not page.problems, page.problems
    second = release_of(work, "1.2.0", section)
    assert [check for check in verify_release(second).checks if not check.ok] == []
    status = dict(table(second, "proposals").select("proposal_id", "status").iter_rows())
    assert [status[name] for name in names] == ["accepted", "edited", "refused"]
    changes = {change.what: change.count for change in diff_folders(first, second).changes}
    card = (second / "README.md").read_text("utf-8")
    said = "4 proposed, of these 1 accepted, 1 edited, 1 refused, 1 open"
    assert said in card
    new = table(second, "objects").filter(pl.col("evidence") == "correction")
    assert new.height == changes["objects gained"] == 2, changes
    return {"card": said, "difference": changes}


def decide(page: Page, shots: Path) -> list[str]:
    """Accept, edit and refuse the first three proposals; return their names."""
    page.evaluate(
        "(() => { const one = document.getElementById('by-kind'); one.value = 'proposal'; one.onchange() })()"
    )
    page.evaluate("open(state.shown[0].finding_id)")
    names = []
    for verdict in ("accept", "edit", "exclude"):
        page.until(f"{SHOWN} === 'proposal' && {READY} && document.getElementById('image').naturalWidth > 0")
        page.evaluate("document.getElementById('picture').focus()")
        names.append(str(page.evaluate("state.id")))
        page.picture("body", shots / f"proposal-{verdict}.png")
        if verdict == "edit":
            make_smaller(page)
        page.strike({"accept": "a", "exclude": "r", "edit": "Enter"}[verdict])
        page.until("document.getElementById('reasons').open")
        before = page.evaluate(PROGRESS)
        page.strike("1")
        page.until(f"{PROGRESS} !== {before!r} && {READY}")
    return names


def make_smaller(page: Page) -> None:
    """Delete the proposed object and draw a box in its place."""
    x1, y1, x2, y2 = page.evaluate("state.item.objects[0].box")
    page.strike("e")
    page.until("!document.getElementById('edit-tools').hidden")
    page.strike("1")
    page.strike("Delete")
    page.strike("b")
    page.until("document.querySelector('[data-key=b][aria-pressed=true]')")
    page.drag(at(page, x1, y1), at(page, x2 - 4, y2))
    page.until("state.canvas.objects.length === 1 && state.canvas.objects[0].changed")
