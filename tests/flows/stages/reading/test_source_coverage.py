"""A source without a usable sample: the remedy fits the reason."""

from medmultipoints.flows.stages.reading.source_coverage import nothing_usable


def test_pictures_of_another_size_are_not_called_missing() -> None:
    """The files are there: the way out is to correct them, not to give them."""
    detail = "a.jpg: the image is 48x36 px, its annotation says 96x72"
    said = str(nothing_usable("cells", [("rejected", "size_mismatch", "cells/a", detail)]))
    assert "Correct the files" in said and "--source" not in said
