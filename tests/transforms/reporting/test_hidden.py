"""Texts of sources in Markdown are text and nothing else."""

import pytest

from medmultipoints.transforms.reporting.hidden import as_cell


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("polyps", "polyps"),
        ("a_b*c [x] `y`", "a_b*c [x] `y`"),
        ("a | b", "a \\| b"),
        ("two\nlines\tand more", "two lines and more"),
        ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)>"),
        ("[free](javascript:alert(1))", "\\[free](javascript:alert(1))"),
        ("![](http://host/seen.png)", "!\\[](http://host/seen.png)"),
        ("exe\u202egnp \x1b[31m", "exe\\u202egnp \\x1b[31m"),
        (3, "3"),
    ],
)
def test_a_cell_shows_markup_as_it_is_written(text: object, shown: str) -> None:
    assert as_cell(text) == shown
