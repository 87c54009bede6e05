"""The card as a page: accepted by the Hub's library, rendered and photographed; look at ``.accept/p7_card.png``."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

from huggingface_hub import DatasetCard
from markdown_it import MarkdownIt

from medmultipoints.data_lake.release.checks.card_check import card_problems
from medmultipoints.data_lake.release.write.manifest import read_manifest
from medmultipoints.data_lake.simulate import SimulatedSizes, write_sources
from tests.acceptance.builds import build
from tests.acceptance.inputs import figures_folder, need_programs

STYLE = (
    "body{font:15px sans-serif;max-width:60rem;margin:2rem auto}table{border-collapse:collapse;margin:1rem 0}"
    "td,th{border:1px solid #ccc;padding:.2rem .5rem}code,pre{background:#f3f3f3}pre{padding:.8rem}"
)


def run(work: Path) -> dict[str, Any]:
    """Figures of the page; the picture is kept beside the results."""
    need_programs("chromium")
    sizes = SimulatedSizes(polyps=20, instruments=20, videos=2, frames=30)
    release = build("demo", work / "lake", write_sources(work / "sources", seed=9, sizes=sizes).paths).release.path
    text = (release / "README.md").read_text("utf-8")
    problems = list(card_problems(text, [entry.path for entry in read_manifest(release).files]))
    assert not problems, problems
    card = DatasetCard(text)
    html = MarkdownIt("commonmark").enable("table").render(card.text)
    broken = [line for line in html.splitlines() if line.startswith("<p>|")]
    assert not broken, f"tables that are not rendered: {broken[:2]}"
    page = work / "card.html"
    page.write_text(
        f"<meta charset=utf-8><style>{STYLE}</style>{html}".replace('src="assets/', f'src="{release}/assets/')
    )
    picture = work / "card.png"
    words = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=1100,9000", f"--screenshot={picture}"]
    subprocess.run(["chromium", *words, str(page)], check=True, capture_output=True, timeout=120)
    shutil.copyfile(picture, figures_folder() / "p7_card.png")
    return {
        "configs": len(card.data.to_dict()["configs"]),
        "tables": html.count("<table>"),
        "pictures": html.count("<img "),
        "screenshot_bytes": picture.stat().st_size,
    }
