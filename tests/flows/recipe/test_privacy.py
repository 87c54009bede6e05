"""Readers that are not installed are refused before any work; privacy policies hold back or refuse by kind."""

import importlib.util

import pytest

from medmultipoints.flows.recipe import privacy
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.flows.recipe.privacy import Privacy, Text, check_readers, reader_versions
from medmultipoints.flows.stages.reading.text import PictureText, hold_back
from medmultipoints.transforms.errors import DataError, UsageError
from medmultipoints.transforms.text.kinds import TextPlace
from medmultipoints.transforms.text.readings import Reading

NOTHING = Reading(None, None, None, None, "none")
FOUND = {
    "s/a": PictureText(NOTHING, (TextPlace("date", "raster", "01/02/2015", (0, 0, 9, 9)),), ()),
    "s/b": PictureText(NOTHING, (), (("gps", "EXIF GPS"),)),
    "s/c": PictureText(NOTHING, (), ()),
}


def test_a_reader_that_is_not_installed_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = {"rapidocr"}
    found = importlib.util.find_spec
    monkeypatch.setattr(privacy, "find_spec", lambda name: None if name in absent else found(name))
    with pytest.raises(UsageError, match=r"'ocr' needs rapidocr. Install medmultipoints\[ocr\]"):
        check_readers(Text(readers=("raster", "ocr")), "ours.toml")
    check_readers(Text(readers=("raster",)), "ours.toml")


def test_versions_of_readers_are_part_of_what_is_read() -> None:
    assert {"rapidocr", "onnxruntime"} == set(reader_versions(Text(readers=("ocr",))))
    assert {} == reader_versions(Text(readers=("raster",)))


def test_joins_by_text_need_a_reader() -> None:
    plain = {"name": "r", "version": "1.0.0", "title": "t", "sources": {"hyperkvasir": {}}}
    with pytest.raises(ValueError, match=r"need text\.readers"):
        Recipe.model_validate(plain | {"splits": {"days": True}})
    assert Recipe.model_validate(plain | {"splits": {"days": True}, "text": {"readers": ["raster"]}}).splits.days


def test_a_report_holds_nothing_back() -> None:
    assert [] == list(hold_back(FOUND, Privacy()))


def test_quarantine_holds_back_by_kind_and_names_no_value() -> None:
    (held,) = hold_back(FOUND, Privacy(date="quarantine"))
    assert ("s/a", "rejected", "private") == (held.key, held.verdict, held.reason)
    assert "2015" not in held.detail


def test_refuse_ends_the_build_with_the_picture_and_the_way_out() -> None:
    with pytest.raises(DataError, match=r"s/b holds gps.*privacy\.gps.*'quarantine' or 'redact'"):
        list(hold_back(FOUND, Privacy(gps="refuse")))
