"""A source without a usable sample: the remedy fits the reason."""

import pytest

from medmultipoints.flows.stages.reading.source_coverage import nothing_usable, require_matches
from medmultipoints.transforms.errors import SourceDataError
from medmultipoints.transforms.sources.inspecting.inspection import declare


def test_pictures_of_another_size_are_not_called_missing() -> None:
    """The files are there: the way out is to correct them, not to give them."""
    detail = "a.jpg: the image is 48x36 px, its annotation says 96x72"
    said = str(nothing_usable("cells", [("rejected", "size_mismatch", "cells/a", detail)]))
    assert "Correct the files" in said and "--source" not in said


@pytest.mark.parametrize(
    ("reason", "helps"),
    [
        ("licence_unlisted", "Correct the licences in the data, or give one in [sources.cells.read.licences]."),
        ("objects_in_quarantine", "Correct the annotations that were rejected."),
    ],
)
def test_what_is_there_and_wrong_is_not_called_missing(reason: str, helps: str) -> None:
    said = str(nothing_usable("cells", [("rejected", reason, "cells/a", "a")]))
    assert f"{helps} Leave the source out with --only, without cells." in said and "--source" not in said


def test_a_pattern_that_no_file_matches_is_named_with_files_that_are_there() -> None:
    names = ["images/a.jpg", "labels/a.txt"]
    wrong = {"images": "bilder/{stem}.jpg", "annotations": "labels/{stem}.txt"}
    with pytest.raises(SourceDataError) as caught:
        require_matches("cells", declare({"format": "yolo", **wrong}), names)
    assert str(caught.value) == (
        "cells: [read] images: no file matches 'bilder/{stem}.jpg'; there are images/a.jpg, labels/a.txt. "
        "Correct the pattern, or leave it out."
    )
    require_matches("cells", declare({"format": "yolo", **wrong, "images": "images/{stem}.jpg"}), names)
