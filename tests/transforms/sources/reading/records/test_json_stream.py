"""Large JSON is read item by item, as it would be read whole."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medmultipoints.transforms.sources.reading.records import json_stream
from medmultipoints.transforms.sources.reading.records.json_stream import JsonStream, StreamDamage

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 10**6) | st.text(alphabet='ab}{][",:\\ é\n', max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet='x}"', max_size=3), inner, max_size=4),
    max_leaves=20,
)
TABLES = st.dictionaries(st.text(alphabet='k"}', max_size=3), VALUES, max_size=5)
ITEMS = st.lists(TABLES, max_size=9)


def read(data: bytes) -> dict[str, list[Any]]:
    sections = list(JsonStream(io.BytesIO(data)).sections())
    return {key: list(JsonStream(io.BytesIO(data), place).items(kind)) for key, kind, place in sections}


@given(
    first=ITEMS,
    second=ITEMS,
    table=st.dictionaries(st.text(max_size=3), TABLES, max_size=4),
    indent=st.sampled_from([None, 1]),
    ascii_only=st.booleans(),
)
def test_items_are_those_of_the_whole_document(
    first: list[Any], second: list[Any], table: dict[str, Any], indent: int | None, ascii_only: bool
) -> None:
    """Results do not depend on braces in texts or on where a run is cut."""
    held = {"info": "x", "images": first, "n": 1.5, "by id": table, "annotations": second}
    data = json.dumps(held, indent=indent, ensure_ascii=ascii_only).encode()
    assert read(data) == {"images": first, "by id": list(table.values()), "annotations": second}


@pytest.mark.parametrize("chunk", [64, 1000])
def test_runs_that_are_cut_inside_items_are_read_on(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Items longer than a run, with tables inside."""
    monkeypatch.setattr(json_stream, "CHUNK", chunk)
    items = [{"id": n, "segmentation": {"size": [9, 9], "counts": "a}" * (n % 50)}, "b": [n] * n} for n in range(200)]
    held = {"annotations": items, "categories": [{"id": 1, "name": "}, {"}]}
    assert read(json.dumps(held).encode()) == held


@pytest.mark.parametrize("cut", [3, 40, 90])
def test_a_text_that_is_cut_off_is_damage(cut: int) -> None:
    """Truncated JSON raises an error."""
    data = json.dumps({"images": [{"id": n} for n in range(20)]}).encode()
    with pytest.raises((StreamDamage, ValueError)):
        read(data[:cut])


def test_not_a_number_is_kept() -> None:
    """Python writes NaN; readers decide later whether it is valid."""
    (value,) = read(b'{"annotations": [{"bbox": [NaN, 1]}]}')["annotations"]
    assert value["bbox"][0] != value["bbox"][0]
