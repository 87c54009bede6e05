"""Proposals on the desk in a headless browser: accepted, edited and refused by key, then in the next version."""

from pathlib import Path
from typing import Any

import polars as pl

from medmultipoints.data_lake.release.checks.verify import verify_release
from medmultipoints.data_lake.release.read.compare import diff_folders
from medmultipoints.data_lake.witnesses.write_predictions import predict_release
from medmultipoints.transforms.masks.run_lengths import box_of_rle
from tests.acceptance.browser import Page, chromium
from tests.acceptance.inputs import ROOT, need_programs
from tests.acceptance.t9_desk import PROGRESS, READY, at, enter, served
from tests.data_lake.witnesses.declared_models import declare, red_model
from tests.flows.stages.composing.test_witness import release_of, table, write_pictures

Box = tuple[float, float, float, float]
CHOSEN = "document.querySelector('.finding[aria-selected=true] {}')?.textContent".format

LEGEND = (
    "[...document.querySelectorAll('#layers [data-layer]')].filter((one) => !one.hidden).map((one) => one.textContent)"
)
SAYS = {
    "accept": ("Accept the proposal", "will have the proposed polyps", "The object is there"),
    "edit": ("The objects are released as drawn",),
    "exclude": ("Refuse the proposal", "will not have the proposed polyps", "There is no object of this label"),
}
OF_RELEASED = ("without the released", "accept instead", "Harmless", "What is released stays. ")
"""Words about released objects, that would say the opposite of a proposal."""


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
    proposed = table(first, "proposals").select("sample_id", "rle").iter_rows()
    boxes = {sample: box_of_rle(rle, 96, 128) for sample, rle in proposed}
    with chromium(work) as page, served(first, work / "corrections" / "squares.toml", work) as (address, _server):
        enter(page, address)
        samples = decide(page, boxes, shots)
        assert not page.problems, page.problems
    second = release_of(work, "1.2.0", section)
    assert [check for check in verify_release(second).checks if not check.ok] == []
    status = dict(table(second, "proposals").select("sample_id", "status").iter_rows())
    assert [status[sample] for sample in samples] == ["accepted", "edited", "refused"]
    changes = {change.what: change.count for change in diff_folders(first, second).changes}
    card = (second / "README.md").read_text("utf-8")
    said = "4 proposed, of these 1 accepted, 1 edited, 1 refused, 1 open"
    assert said in card
    new = table(second, "objects").filter(pl.col("evidence") == "correction")
    assert new.height == changes["objects gained"] == 2, changes
    return {"card": said, "difference": changes}


def decide(page: Page, boxes: dict[str, Box], shots: Path) -> list[str]:
    """Accept, edit and refuse three proposals; return the samples that they are of."""
    choose = "one.value = 'proposal'; one.dispatchEvent(new Event('change'))"
    page.evaluate(f"(() => {{ const one = document.getElementById('by-kind'); {choose} }})()")
    page.until("document.querySelector('.finding b')?.textContent === 'proposal'")
    page.evaluate("document.querySelector('.finding').click()")
    samples: list[str] = []
    for verdict, key in (("accept", "a"), ("edit", "Enter"), ("exclude", "r")):
        page.until(f"{CHOSEN('b')} === 'proposal' && {READY} && document.getElementById('image').naturalWidth > 0")
        samples.append(str(page.evaluate(CHOSEN("small"))))
        page.evaluate("document.getElementById('picture').focus()")
        page.picture("body", shots / f"proposal-{verdict}.png")
        assert page.evaluate("document.querySelector('#actions [data-key=r]').textContent") == "Refuse r"
        assert page.evaluate(LEGEND) == ["proposed"]
        assert "Released objects (0), and 1 proposed" in page.evaluate("document.getElementById('facts').textContent")
        if verdict == "edit":
            draw_anew(page, boxes[samples[-1]])
        page.strike(key)
        page.until("document.getElementById('reasons').open")
        about = str(page.evaluate("document.getElementById('reasons').textContent"))
        assert all(words in about for words in SAYS[verdict]), about
        assert not any(words in about for words in OF_RELEASED), about
        page.picture("body", shots / f"proposal-{verdict}-reason.png")
        before = page.evaluate(PROGRESS)
        page.strike("1")
        page.until(f"{PROGRESS} !== {before!r} && {READY}")
    return samples


def draw_anew(page: Page, box: Box) -> None:
    """Delete the proposed object and draw a box in its place, a little narrower."""
    page.strike("e")
    page.until("!document.getElementById('edit-tools').hidden")
    page.strike("1")
    page.strike("Delete")
    page.until("document.querySelectorAll('#facts .objects li').length === 0")
    page.strike("b")
    page.until("document.querySelector('[data-key=b][aria-pressed=true]')")
    x1, y1, x2, y2 = box
    page.drag(at(page, x1, y1), at(page, x2 - 4, y2))
    page.until("document.querySelectorAll('#facts .objects li').length === 1")
