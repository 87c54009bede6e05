"""Each module of this folder shows one promise at full size: its ``run(work)`` asserts it and returns figures.

``make accept`` runs all, ``make accept ONLY=t6`` those whose names begin so. Figures go to ``.accept/NAME.json``.
"""

import importlib
import os
import time
from pathlib import Path

import orjson
import pytest

from tests.acceptance.inputs import SMALL, figures_folder

FOLDER = Path(__file__).parent
IN_A_BROWSER = {"o1_serve", "p7_card", "t6_report", "t9_desk", "w2_proposals"}
LONGEST = ("a5_determinism", "a4_visem_counts", "a6_kill", "a8_benchmark")


def scripts() -> list[str]:
    """Return the names of the modules, the longest last, so that what is wrong shows early."""
    found = sorted(path.stem for path in FOLDER.glob("[a-z][0-9]*_*.py"))
    return [*(name for name in found if name not in LONGEST), *(name for name in LONGEST if name in found)]


def marked(name: str) -> object:
    """Return the parameter with the markers of the module."""
    marks = [pytest.mark.accept, *([pytest.mark.browser] if name in IN_A_BROWSER else [])]
    return pytest.param(name, marks=marks)


@pytest.mark.parametrize("name", [marked(name) for name in scripts()])
def test_it_is_shown(name: str, tmp_path: Path) -> None:
    """The module's assertions hold; its figures are kept with their seconds."""
    start = time.perf_counter()
    figures = importlib.import_module(f"tests.acceptance.{name}").run(tmp_path)
    record = {"seconds": round(time.perf_counter() - start, 1), "small": os.environ.get(SMALL) == "1", **figures}
    (figures_folder() / f"{name}.json").write_bytes(orjson.dumps(record, option=orjson.OPT_INDENT_2, default=str))


@pytest.mark.parametrize("name", scripts())
def test_it_can_be_imported(name: str) -> None:
    """What it takes from other modules is there: these modules run too seldom to notice a moved one."""
    assert callable(importlib.import_module(f"tests.acceptance.{name}").run)
