"""Pages beside a release: complete without a network, the same again, and honest about what failed."""

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import polars as pl

from medmultipoints.data_lake.release.write.manifest import read_manifest
from medmultipoints.data_lake.report.data_docs import write_data_docs
from medmultipoints.data_lake.report.release_pages import choose_cells, write_report
from medmultipoints.data_lake.store.layout import Lake
from medmultipoints.expectations.rows.validate import validate
from medmultipoints.transforms.columns.tables import conform, empty_frame, load_table
from tests.data_lake.release.tiny_release import write_release
from tests.data_lake.release.tiny_tables import make_tables


def splits(*names: str) -> pl.DataFrame:
    rows = {"sample_id": [f"a/{place}" for place in range(len(names))], "group_id": "g", "split": list(names)}
    return conform(pl.DataFrame(rows), load_table("splits"))


def test_the_pages_of_the_expectations_name_what_failed_and_fetch_nothing(tmp_path: Path) -> None:
    verdict = validate(splits("train", "No Split"), load_table("splits"))
    index = write_data_docs(tmp_path / "docs", "small <1.0.0>", {"split": [verdict]})
    text = index.read_text("utf-8")
    assert "small &lt;1.0.0&gt;" in text
    assert "split_matches 1" in text
    (page,) = re.findall(r"href='(validations/[^']+)'", text)
    shown = (index.parent / page).read_text("utf-8")
    assert "Failed" in shown
    assert "a/1" in shown
    for path in index.parent.rglob("*.html"):
        found = path.read_text("utf-8")
        assert not re.search(r"<script|<link[^>]+https?:|src=.https?:", found), path
        for style in re.findall(r'<link rel="stylesheet" href="([^"]+)"', found):
            assert (path.parent / style).is_file()


def test_an_id_that_is_markup_is_shown_as_text(tmp_path: Path) -> None:
    """Names of files in a source are a stranger's words; no page obeys them."""
    evil = splits("No Split").with_columns(sample_id=pl.lit("a/<svg onload=alert(1)>"))
    index = write_data_docs(tmp_path / "docs", "small", {"split": [validate(evil, load_table("splits"))]})
    pages = {path: path.read_text("utf-8") for path in index.parent.rglob("*.html")}
    assert [path for path, text in pages.items() if "<svg onload" in text] == []
    assert any("&lt;svg onload=alert(1)&gt;" in text for text in pages.values())
    assert all("default-src 'none'" in text.partition("</head>")[0] for text in pages.values())


def test_writing_again_replaces_what_was_there(tmp_path: Path) -> None:
    empty = validate(empty_frame(load_table("splits")), load_table("splits"))
    write_data_docs(tmp_path / "docs", "first", {"split": [empty], "again": [empty]})
    index = write_data_docs(tmp_path / "docs", "second", {"split": [empty]})
    assert "second" in index.read_text("utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["docs"]


def test_a_report_lies_beside_the_release(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    release = write_release(tmp_path / "release", make_tables(), "1.0.0")
    report = write_report(lake, release, {})
    assert report.folder == lake.reports / "tiny" / "1.0.0"
    assert sorted(path.name for path in report.folder.iterdir()) == [
        "contact-sheet.jpg",
        "expectations",
        "report.html",
    ]
    assert (report.folder / "contact-sheet.jpg").read_bytes() == report.sheet


def test_the_sheet_takes_the_labels_in_turn_whatever_the_order_of_the_rows(tmp_path: Path) -> None:
    """Of a label first the record whose id has the smallest sha256; records without objects are left out."""
    tables = make_tables()
    turned = replace(tables, records=tables.records.reverse())
    releases = [write_release(tmp_path / name, one) for name, one in (("a", tables), ("b", turned))]
    cells = [choose_cells(release, read_manifest(release), most=3) for release in releases]
    polyps = tables.records.filter(label="polyps")["record_id"].to_list()
    first = min(polyps, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    assert [cell.caption.split()[0] for cell in cells[0]] == ["instrument", "normal", "polyps"]
    assert cells[0][2].caption.endswith(first[:8])
    assert cells[0] == cells[1]
    assert len(choose_cells(releases[0], read_manifest(releases[0]))) == 4


def test_a_release_without_objects_has_no_contact_sheet_and_all_other_pages(tmp_path: Path) -> None:
    """Nor does one of a former build stay beside it."""
    release = write_release(tmp_path / "release", make_tables((("hyperkvasir/a", "polyps", []),)), "1.0.0")
    before = tmp_path / "reports" / "tiny" / "1.0.0" / "contact-sheet.jpg"
    before.parent.mkdir(parents=True)
    before.write_bytes(b"former")
    report = write_report(Lake(tmp_path), release, {})
    assert report.sheet is None
    assert sorted(path.name for path in report.folder.iterdir()) == ["expectations", "report.html"]
