"""Entries are added and removed as text: the rest of a file keeps its bytes, and the data is what it must be."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medmultipoints.transforms.review.toml_tables import TomlChangeError, add_table, remove_table, table_text

HAND_WRITTEN = """# kept by hand
[[corrections]]
image = "s/b"   # the second
reason = '''
[[corrections]]
not a table'''

# about c
[[corrections]]
image = "s/c"
boxes = [[1, 2, 3, 4]]

[[withdrawn]]
image_sha256 = "x"
"""


def by_image(table: Any) -> str:
    return str(table["image"])


@pytest.mark.parametrize(("image", "place"), [("s/a", 0), ("s/bb", 1), ("s/d", 2)])
def test_an_entry_goes_to_its_sorted_place_and_nothing_else_changes(image: str, place: int) -> None:
    text = add_table(HAND_WRITTEN, "corrections", {"image": image, "reason": 'say "x"'}, by_image)
    found = tomllib.loads(text)["corrections"]
    assert {"image": image, "reason": 'say "x"'} in found
    assert len(found) == 3
    assert '# about c\n[[corrections]]\nimage = "s/c"' in text
    assert remove_table(text, "corrections", {"image": image, "reason": 'say "x"'}) == HAND_WRITTEN


def test_a_new_file_holds_the_entry_with_one_box_a_line() -> None:
    text = add_table("", "corrections", {"image": "a", "boxes": [[1, 2.5, 3.0, 4], [5, 6, 7, 8]]}, by_image)
    assert text == '[[corrections]]\nimage = "a"\nboxes = [\n  [1, 2.5, 3, 4],\n  [5, 6, 7, 8],\n]\n'


def test_an_entry_that_is_not_there_cannot_be_removed() -> None:
    with pytest.raises(TomlChangeError):
        remove_table(HAND_WRITTEN, "corrections", {"image": "s/z"})


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=6, unique=True))
def test_any_texts_come_back_and_go_again(rows: list[tuple[str, str]]) -> None:
    text = ""
    for image, reason in rows:
        text = add_table(text, "corrections", {"image": image, "reason": reason}, by_image)
    found = tomllib.loads(text).get("corrections", [])
    assert sorted(rows) == sorted((one["image"], one["reason"]) for one in found)
    assert found == sorted(found, key=by_image) or len({row[0] for row in rows}) < len(rows)
    for image, reason in rows:
        text = remove_table(text, "corrections", {"image": image, "reason": reason})
    assert text == ""


def test_truth_values_and_numbers_are_toml() -> None:
    assert tomllib.loads(table_text("t", {"a": True, "b": 2, "c": 1.5})) == {"t": [{"a": True, "b": 2, "c": 1.5}]}
