"""Sample ids and splits of Hugging Face data sets do not depend on how rows are divided into Parquet files."""

import io
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.declared import read_declared
from medmultipoints.transforms.sources.inspecting.recognition import recognise_source
from medmultipoints.transforms.sources.registry import read_pictures
from tests.faults.tiny_sources import draw
from tests.members import MemoryMembers

STATED = {"boxes": {"frame": "edges", "form": "xyxy", "unit": "pixels"}}
PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
Row = tuple[str | None, str]
"""The path that a row states, and what is drawn in its picture."""


def table(rows: Sequence[Row]) -> bytes:
    cells = [{"bytes": draw(drawn), "path": path} for path, drawn in rows]
    objects = [{"bbox": [[5.0, 5.0, 9.0, 9.0]], "category": ["cyst"]} for _ in rows]
    held = io.BytesIO()
    pq.write_table(pa.table({"image": pa.array(cells, PICTURE), "objects": objects}), held)
    return held.getvalue()


def samples(files: dict[str, Sequence[Row]]) -> dict[str, str | None]:
    """The official split of each sample id, as proposed and read."""
    members = MemoryMembers({name: table(rows) for name, rows in files.items()})
    recognition = recognise_source(members, STATED)
    assert recognition is not None
    declaration = Declaration.model_validate({**recognition.read, **STATED})
    found = read_declared("s", declaration, {}, members, read_pictures)
    return {sample.sample_id: sample.official_split for sample in found.samples}


@pytest.mark.parametrize("path", ["0.png", None])
def test_other_tables_with_the_same_rows_give_the_same_sample_ids(path: str | None) -> None:
    """Pictures of one name, or of none, are named by content."""
    a, b, c = ((path, drawn) for drawn in "abc")
    first = samples({"data/train-00000-of-00001.parquet": [a, b], "data/test-00000-of-00001.parquet": [c]})
    other = samples(
        {"data/train-00000-of-00002.parquet": [b], "data/train-00001-of-00002.parquet": [a]}
        | {"data/test-00000-of-00001.parquet": [c]}
    )
    assert first == other
    assert 3 == len(first)


def test_a_name_that_only_one_row_has_is_kept() -> None:
    assert {"s/a": None, "s/b": None} == samples({"all.parquet": [("x/a.png", "a"), ("x/b.png", "b")]})


def test_names_of_tables_state_official_splits() -> None:
    files: dict[str, Sequence[Row]] = {
        "data/train-00000-of-00002.parquet": [("a.png", "a")],
        "data/train-00001-of-00002.parquet": [("b.png", "b")],
        "data/validation-00000-of-00001.parquet": [("c.png", "c")],
        "data/test-00000-of-00001.parquet": [("d.png", "d")],
    }
    assert {"s/a": "train", "s/b": "train", "s/c": "validation", "s/d": "test"} == samples(files)
    recognition = recognise_source(MemoryMembers({name: table(rows) for name, rows in files.items()}), STATED)
    assert recognition is not None
    (proof,) = [proof.text for proof in recognition.proofs if proof.key == "images"]
    assert "pictures are in the rows; splits by their names: test 1, train 2, validation 1" == proof


def test_a_table_of_damaged_rows_is_named_and_the_others_are_read() -> None:
    good, bad = table([("a.png", "a")]), bytearray(table([("b.png", "b")]))
    bad[40:400] = bytes(360)
    members = MemoryMembers({"a.parquet": good, "b.parquet": bytes(bad)})
    declaration = Declaration.model_validate({"format": "hugging-face", **STATED})
    found = read_declared("s", declaration, {}, members, read_pictures)
    assert ["s/a"] == [sample.sample_id for sample in found.samples]
    assert ["b.parquet"] == [row.key for row in found.exclusions]
