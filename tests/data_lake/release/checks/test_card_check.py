"""The card is held against what the Hub accepts before anything is sent."""

import re
import shutil
from pathlib import Path

import pytest

from medmultipoints.data_lake.release.checks.card_check import COUNTED, card_problems, check_card, tables_on
from medmultipoints.data_lake.release.checks.verify import verify_release
from medmultipoints.data_lake.release.write.manifest import read_manifest
from medmultipoints.transforms.errors import DataError
from tests.data_lake.release.checks.test_forged import replace, seal


def test_the_card_of_a_release_is_accepted(release: Path) -> None:
    check_card(release, read_manifest(release))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("---\n", "", "has no front matter"),
        ("license: other", "license: [other", "not valid YAML"),
        ("license: other", "licence: other", "has no license"),
        ("license_link", "license_url", "needs license_name and license_link"),
        ("n<1K", "few", "size_categories: 'few' is not one of"),
        ("path: data/test-*", "path: rows/test-*", "config records: no file of the release matches rows/test-"),
        ("- medical", "- 7", "tags holds a value that is not text"),
        ("config_name: objects", "config_name: things", "name different configs"),
    ],
)
def test_what_the_hub_would_refuse_is_found_first(release: Path, old: str, new: str, said: str) -> None:
    text = (release / "README.md").read_text().replace(old, new, 1)
    paths = [entry.path for entry in read_manifest(release).files]
    assert any(said in problem for problem in card_problems(text, paths))


def test_a_card_that_is_no_text_is_told_apart(release: Path) -> None:
    (release / "README.md").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match=r"README\.md cannot be read"):
        check_card(release, read_manifest(release))


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
