"""The report and the difference as pages: complete, closed in themselves, the same bytes each time."""

import base64
import hashlib
import re
import tomllib
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import orjson
import polars as pl
import pytest
from PIL import Image

from medmultipoints.data_lake.release.read.compare import diff_folders
from medmultipoints.data_lake.release.read.released_tables import Picture
from medmultipoints.data_lake.release.write.manifest import read_manifest
from medmultipoints.data_lake.report import sections
from medmultipoints.data_lake.report.correction_entries import ACTIONS, entry, offered, values_of
from medmultipoints.data_lake.report.figures import finding_figure
from medmultipoints.data_lake.report.materials import Album, Materials, read_materials
from medmultipoints.data_lake.report.page import diff_page, render, report_page
from medmultipoints.data_lake.report.page_pictures import SIDE, data_uri, read_thumbnails
from medmultipoints.data_lake.report.sections import Listing, findings
from medmultipoints.flows.recipe.privacy import Privacy, Text, unread_kinds
from medmultipoints.transforms.errors import DataError
from tests.data_lake.release.tiny_release import write_release
from tests.data_lake.release.tiny_tables import OBJECTS, PICTURES, make_tables, picture

FINDING = {
    "finding_id": "hyperkvasir/a:phantom:0",
    "sample_id": "hyperkvasir/a",
    "source": "hyperkvasir",
    "stem": "a",
    "image_sha256": "a" * 64,
    "kind": "phantom",
    "severity": "error",
    "label": 'po"lyps',
    "source_box": [1.0, 2.0, 5.0, 6.5],
    "derived_box": [1.0, 2.0, 9.0, 8.5],
    "iou": 0.5,
    "side_px": 4.0,
    "detail": None,
    "action": "</script><b>kept</b>",
}
VOID = {"meta", "img", "input", "link", "br", "rect", "circle", "polyline", "line"}


class Reader(HTMLParser):
    """What a page holds; elements that are not closed in order are a fault."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag, f"{tag} ends where {self.open[-3:]} is open"


@pytest.fixture
def page(release: Path) -> str:
    return report_page(release)[0]


def test_the_same_release_gives_the_same_page(release: Path, page: str) -> None:
    assert report_page(release) == (page, {})


def test_nothing_comes_from_elsewhere(page: str) -> None:
    found = [value for _, attributes in Reader(page).attributes for value in attributes.values() if value]
    assert [value[:60] for value in found if re.match(r"(https?:|//|file:)", value)] == []
    assert not re.search(r"url\(|@import", page)
    (policy,) = (value for value in found if value.startswith("default-src 'none'"))
    script = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy


def test_the_page_is_well_formed_and_its_links_lead_to_its_sections(page: str) -> None:
    reader = Reader(page)
    assert reader.open == []
    ids = [attributes["id"] for _, attributes in reader.attributes if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [str(attributes["href"]) for tag, attributes in reader.attributes if tag == "a"]
    assert {link for link in links if link[1:] not in ids} == set()


def test_every_picture_has_a_text_and_is_made_from_the_released_bytes(release: Path, page: str) -> None:
    pictures = [attributes for tag, attributes in Reader(page).attributes if tag == "img"]
    assert len(pictures) == 5 + 3  # the records, and three of them on top
    assert all(picture["alt"] for picture in pictures)
    name = read_materials(release).tables.images.filter(sample_id="hyperkvasir/a")["image_sha256"][0]
    data = read_thumbnails(release, read_manifest(release), {name})[name]
    with Image.open(BytesIO(base64.b64decode(data.partition(",")[2]))) as image:
        assert (image.format, image.size) == ("WEBP", (40, 30))
        red, green, blue = image.convert("RGB").getpixel((20, 15))
    assert abs(red - 10) + abs(green - 90) + abs(blue - 40) < 30
    assert max(image.size) <= SIDE


def test_boxes_points_and_counts_of_a_record_are_drawn(page: str) -> None:
    reader = Reader(page)
    boxes = [
        attributes for tag, attributes in reader.attributes if tag == "rect" and attributes.get("class") == "object"
    ]
    assert {"class": "object", "x": "20.0", "y": "10.0", "width": "10.5", "height": "10.25"} in boxes
    assert len(boxes) == 5 + 2  # two of the three pictures on top have one box each
    assert "count 2, test" in page


def test_an_older_release_says_what_it_lacks(page: str) -> None:
    assert "holds no certificate" in page
    assert "does not hold the results of the checks of its rows" in page


def test_a_difference_is_drawn_with_old_and_new_boxes(release: Path, tmp_path: Path) -> None:
    moved = (("hyperkvasir/a", "polyps", [(2.0, 3.0, 11.0, 9.0)]), *OBJECTS[1:])
    newer = write_release(tmp_path / "newer", make_tables(moved), "1.1.0")
    page, _ = report_page(newer, release)
    reader = Reader(page)
    drawn = {
        str(a["class"]): a["width"]
        for tag, a in reader.attributes
        if tag == "rect" and a["class"] in ("before", "after")
    }
    assert drawn == {"before": "8.0", "after": "9.0"}
    assert "1 box changed" in page
    apart = diff_page(release, newer, ("tiny 1.0.0", "tiny 1.1.0"), diff_folders(release, newer))
    assert Reader(apart).open == []
    assert "What changed from tiny 1.0.0 to tiny 1.1.0" in apart


def test_an_image_that_is_lost_is_shown_from_the_older_release(release: Path, tmp_path: Path) -> None:
    tables = make_tables(OBJECTS[1:])
    images = tables.images.filter(pl.col("sample_id") != "hyperkvasir/a")
    fewer = write_release(tmp_path / "fewer", replace(tables, images=images), "2.0.0")
    page = diff_page(release, fewer, ("tiny 1.0.0", "tiny 2.0.0"), diff_folders(release, fewer))
    assert "1 image lost" in page
    assert any(tag == "img" and str(a["alt"]).startswith("hyperkvasir/a") for tag, a in Reader(page).attributes)


def test_of_two_pictures_under_one_name_the_one_that_was_lost_is_shown(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a source replaces a file under its name."""
    monkeypatch.setitem(PICTURES, "hyperkvasir/a", picture(220))
    newer = write_release(tmp_path / "newer", make_tables(), "2.0.0")
    lost, gained = (
        read_materials(folder).tables.images.filter(sample_id="hyperkvasir/a")["image_sha256"][0]
        for folder in (release, newer)
    )
    pictures = Album([newer, release]).pictures({lost, gained})
    assert pictures[lost] == read_thumbnails(release, read_manifest(release), {lost})[lost]
    assert pictures[lost] != pictures[gained]
    page = diff_page(release, newer, ("tiny 1.0.0", "tiny 2.0.0"), diff_folders(release, newer))
    assert {pictures[lost], pictures[gained]} <= {str(a["src"]) for tag, a in Reader(page).attributes if tag == "img"}


def test_a_finding_is_drawn_and_its_text_cannot_leave_its_place(release: Path) -> None:
    own, album = read_materials(release), Album([release])
    rows = pl.DataFrame([FINDING])
    given = findings(replace_found(own, rows), album)
    assert given["drawn"][0][1].boxes == (("derived", (1.0, 2.0, 9.0, 8.5)), ("source", (1.0, 2.0, 5.0, 6.5)))
    page = render("report.html.jinja", album, **section_values(release, given))
    assert Reader(page).open == []
    assert "<b>kept" not in page
    assert "<td>a second box inside an object: a hole or a notch that was taken for one</td>" in page
    assert "IoU 0.50, sides up to 4 px apart" in page
    held = re.search(r'data-listing="findings">.*?<script type="application/json">(.*?)</script>', page, re.DOTALL)
    assert held
    assert orjson.loads(held[1])["rows"][0][-1] == "</script><b>kept</b>"


def replace_found(own: Materials, rows: pl.DataFrame) -> Materials:
    return replace(own, found={**own.found, "disagreements": rows})


def section_values(release: Path, given: dict[str, object]) -> dict[str, object]:
    own, album = read_materials(release), Album([release])
    return {
        "own": own,
        "manifest": own.manifest,
        "summary": sections.summary(own),
        "gallery": {},
        "first_pictures": [],
        "to_do": [],
        "videos": [],
        "histograms": sections.histograms(own),
        "balance": sections.balance(own),
        "findings": given,
        "witnesses": None,
        "written": None,
        "corrections": sections.corrections(own),
        "near": sections.near_duplicates(own, album),
        "leakage": None,
        "quarantine": sections.quarantine(own),
        "changes": None,
    }


def test_the_first_screen_says_what_to_do_and_shows_the_worst_finding(release: Path) -> None:
    own, album = read_materials(release), Album([release])
    found = replace_found(own, pl.DataFrame([FINDING]))
    told = sections.summary(found)
    steps = sections.to_do(told, "polyps/1.0.0")
    assert steps[0][0] == "Decide about 1 finding of the audit."
    assert steps[0][1].startswith("medmultipoints review serve lake/releases/polyps/1.0.0 --corrections corrections/")
    assert "Publish it." not in dict(steps)
    shown = sections.first_pictures(sections.findings(found, album), sections.gallery(found))
    assert [words for words, _ in shown] == ["error: phantom", "cluster, count 0", "instrument, count 1"]


def test_pictures_that_show_a_date_are_named_first_and_not_published_unseen(release: Path) -> None:
    own = read_materials(release)
    shown = {**FINDING, "kind": "shows_date", "severity": "info"}
    told = sections.summary(replace_found(own, pl.DataFrame([shown])))
    (sentence,) = told["privacy"]["sentences"]
    assert sentence.startswith(f"1 of {own.tables.images.height} pictures shows a date. Nothing was done about it")
    assert told["errors"] == told["warnings"] == 0
    steps = sections.to_do(told, "polyps/1.0.0")
    assert steps[0][1] == '[privacy]\ndate = "redact"'
    assert "Publish it." not in dict(steps)


def test_files_that_carry_texts_are_not_published_unseen_either(release: Path) -> None:
    own = read_materials(release)
    carried = {**FINDING, "kind": "carries_metadata", "severity": "info"}
    told = sections.summary(replace_found(own, pl.DataFrame([carried])))
    assert told["privacy"]["untouched"] == ["date", "name", "number", "other"]
    steps = sections.to_do(told, "polyps/1.0.0")
    assert "Publish it." not in dict(steps)
    added = tomllib.loads(steps[0][1])
    assert set(added["privacy"]) == {"date", "name", "number", "other"}
    text, policy = Text.model_validate(added["text"]), Privacy.model_validate(added["privacy"])
    assert list(unread_kinds(text, policy)) == [], "a build takes what the page says"


def with_excluded(own: Materials, row: dict[str, str]) -> Materials:
    """The materials with one more input that yielded nothing."""
    rows = pl.concat([own.found["exclusions"], pl.DataFrame([row])], how="diagonal")
    return replace(own, found={**own.found, "exclusions": rows})


def test_a_file_that_is_no_part_of_the_dataset_is_no_loss(release: Path) -> None:
    own = read_materials(release)
    row = {"verdict": "dropped", "stage": "index", "reason": "not_part_of_the_dataset", "exclusion_id": "x"}
    told = with_excluded(own, row)
    assert sections.summary(told)["dropped"] == sections.summary(own)["dropped"]


def test_a_form_that_a_dialect_lacks_is_no_loss(release: Path) -> None:
    own = read_materials(release)
    row = {"verdict": "dropped", "stage": "translate", "reason": "no_form_in_molmo", "exclusion_id": "x"}
    told = with_excluded(own, row)
    assert sections.summary(told)["dropped"] == sections.summary(own)["dropped"]
    assert sections.quarantine(told)["formless"] == [("molmo", 1)]
    assert sections.quarantine(told)["listing"].total == sections.quarantine(own)["listing"].total


def test_a_leak_stands_on_top(tmp_path: Path) -> None:
    tables = make_tables()
    group = pl.when(pl.col("source") == "hyperkvasir").then(pl.lit("one")).otherwise("group_id")
    leaky = replace(tables, images=tables.images.with_columns(group_id=group))
    page, leaks = report_page(write_release(tmp_path / "leaky", leaky))
    assert leaks == {"groups": 1}
    assert "The splits leak. In more than one split: groups 1." in page


def test_divided_near_duplicates_are_a_leak_whatever_the_certificate_says(release: Path) -> None:
    own = read_materials(release)
    pairs = pl.DataFrame({"sample_id": ["hyperkvasir/a"], "other_id": ["hyperkvasir/b"]})
    told = replace(own, found={**own.found, "near_duplicates": pairs}, leakage={"leaks": {"near_duplicates": 0}})
    assert sections.find_leaks(told) == {"near_duplicates": 1}


@pytest.mark.parametrize("action", ACTIONS)
def test_a_correction_entry_is_toml_that_names_the_picture(action: str) -> None:
    values = values_of(FINDING, [[1.0, 2.0, 9.0, 8.5]])
    assert values is not None
    (found,) = tomllib.loads(entry(values, action))["corrections"]
    assert (found["image"], found["image_sha256"], found["action"]) == ("hyperkvasir/a", "a" * 64, action)
    if action == "replace_boxes":
        assert (found["label"], found["boxes"]) == ('po"lyps', [[1, 2, 9, 8.5]])
    assert ("kind" in found) == (action == "accept")


@pytest.mark.parametrize(
    ("label", "expected"), [("polyps", [[1.0, 1.0, 7.0, 8.0], [20.0, 10.0, 30.5, 20.25]]), ("instrument", [])]
)
def test_replaced_boxes_begin_as_all_boxes_of_the_label_or_are_not_offered(
    release: Path, label: str, expected: list[list[float]]
) -> None:
    """A finding about one object must not take the others away."""
    row = FINDING | {"sample_id": "hyperkvasir/b", "label": label, "kind": "shifted"}
    given = findings(replace_found(read_materials(release), pl.DataFrame([row])), Album([release]))
    ((_, _, values),) = given["drawn"]
    assert values["boxes"] == expected
    assert ("replace_boxes" in offered(values)) == bool(expected)


def test_a_finding_about_a_rejected_image_has_no_entry(release: Path) -> None:
    row = FINDING | {"sample_id": "visem_tracking/11_frame_9", "image_sha256": None, "kind": "class_change"}
    rows = pl.DataFrame([row, FINDING])
    given = findings(replace_found(read_materials(release), rows), Album([release]))
    assert sorted(one is None for one in given["listing"].entries) == [False, True]


def test_a_finding_is_told_in_words_too() -> None:
    image = {"image_sha256": "a" * 64, "sample_id": "hyperkvasir/a", "original_width": 40, "original_height": 30}
    figure = finding_figure(FINDING, image)
    assert figure.alt == "hyperkvasir/a, phantom: derived box 1, 2, 9, 8.5; source box 1, 2, 5, 6.5"


def test_a_long_listing_is_cut_and_says_so(release: Path) -> None:
    own, album = read_materials(release), Album([release])
    given = findings(replace_found(own, pl.DataFrame([FINDING])), album)
    cut = given["listing"]
    long = Listing(cut.name, cut.caption, cut.columns, cut.rows, 70_000, cut.file, cut.entries)
    page = render("report.html.jinja", album, **section_values(release, given | {"listing": long}))
    assert "70,000 rows, of which the first 1 are on this page" in page


def test_a_damaged_picture_is_named(release: Path) -> None:
    with pytest.raises(DataError, match="hyperkvasir/a: the picture cannot be decoded"):
        data_uri(Picture("r", "hyperkvasir/a", "", "", 1, 1, b"\xff\xd8 no picture"))
