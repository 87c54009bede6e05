"""docs/dialects.md shows the registry as it is."""

from tests.docs.pages import ROOT
from tools.dialects_page import render_table


def test_the_table_is_that_of_the_registry() -> None:
    """Otherwise put what ``render_table`` gives into the page."""
    assert render_table() in (ROOT / "docs" / "dialects.md").read_text("utf-8")
