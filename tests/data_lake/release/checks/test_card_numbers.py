"""Every number on the card of a release is one that its tables give."""

import re
import shutil
from pathlib import Path

import pytest

from medmultipoints.data_lake.release.checks.card_numbers import COUNTED, tables_on
from medmultipoints.data_lake.release.checks.verify import verify_release
from tests.data_lake.release.checks.test_forged import replace, seal


def failed(folder: Path, text: str) -> set[str]:
    replace(folder / "README.md", text.encode())
    seal(folder)
    return {one.name for one in verify_release(folder).checks if not one.ok} - {"described_files"}


@pytest.mark.parametrize("header", COUNTED)
def test_a_number_that_is_changed_is_found(simulated: Path, tmp_path: Path, header: str) -> None:
    folder = shutil.copytree(simulated, tmp_path / "releases" / "demo" / simulated.name)
    text = (folder / "README.md").read_text("utf-8")
    row = tables_on(text.splitlines())[header][0]
    number = list(re.finditer(r"\d+", row))[-1]
    for changed in (f"{row[: number.start()]}{int(number[0]) + 1}{row[number.end() :]}\n", "", f"{row}\n{row}\n"):
        assert {"card_numbers"} == failed(folder, text.replace(f"{row}\n", changed, 1))
    assert set() == failed(folder, text)
