"""A predictions file is read back as it was written, with equal bytes for equal rows, or refused by name."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from medmultipoints.data_lake.witnesses.model_file import load_model
from medmultipoints.data_lake.witnesses.predict import Asked, Shown, ask_models
from medmultipoints.data_lake.witnesses.predictions_file import LISTS, read_models, read_predictions, write_predictions
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.pictures.decode import luma_blake3
from medmultipoints.transforms.pictures.thumbnails import to_luma
from tests.data_lake.witnesses.declared_models import declare, red_model


def picture(seed: int) -> Shown:
    """A noisy gray picture with a red square; the model of the tests sees the square."""
    pixels = np.random.default_rng(seed).integers(0, 90, (96, 128, 3), np.uint8)
    pixels[24:48, 32 + seed : 80 + seed, 0] = 250
    data = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1].tobytes()
    return Shown(f"{seed:064x}", f"{seed:064x}", f"image:{seed}", luma_blake3(to_luma(pixels)), data)


def rows_of(folder: Path, *, workers: int = 1) -> list[dict[str, Any]]:
    return list(ask_models(map(picture, range(6)), [load_model(declare(folder, red_model()))], workers=workers))


def test_the_square_is_found_and_the_file_gives_it_back(tmp_path: Path) -> None:
    rows = rows_of(tmp_path)
    assert [1] * 6 == [row["count"] for row in rows]
    x1, y1, x2, y2 = rows[0]["bbox"][0]
    assert max(abs(x1 - 32), abs(y1 - 24), abs(x2 - 80), abs(y2 - 48)) <= 4
    assert rows[0]["stabilities"][0] >= 0.98
    assert 4 == len(rows[0]["tones"][0])
    statement = load_model(str(tmp_path / "red.toml")).statement()
    entry = write_predictions(tmp_path / "p.parquet", rows[::-1], [statement])
    frame, models = read_predictions(tmp_path / "p.parquet", "p")
    assert rows == frame.to_dicts()
    assert [statement] == models == read_models(tmp_path / "p.parquet")
    again = write_predictions(tmp_path / "q.parquet", rows_of(tmp_path, workers=3), [statement])
    assert (entry.sha256, entry.bytes) == (again.sha256, again.bytes)


def test_a_picture_that_the_model_learned_is_not_judged(tmp_path: Path) -> None:
    own = picture(2)
    model = load_model(declare(tmp_path, red_model(), groups=["image:1"], pixels=[str(own.luma_blake3)]))
    asked = Asked()
    rows = list(ask_models(map(picture, range(4)), [model], asked=asked))
    assert [f"{seed:064x}" for seed in (0, 3)] == [row["image_sha256"] for row in rows]
    assert (4, 2, 0) == (asked.pictures, asked.learned, asked.unreadable)


def test_a_file_that_is_no_picture_is_counted(tmp_path: Path) -> None:
    broken = Shown("e" * 64, "e" * 64, None, None, b"\xff\xd8\xff broken")
    asked = Asked()
    assert not list(ask_models([broken], [load_model(declare(tmp_path, red_model()))], asked=asked))
    assert (1, 0, 1) == (asked.pictures, asked.learned, asked.unreadable)


NAN, INFINITE = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("count", 2, "its lists are not as long"),
        ("count", -1, "its lists are not as long"),
        ("labels", [], "its lists are not as long"),
        ("labels", ["unicorns"], "object 0: labels: unicorns is not one of its model"),
        ("labels", [""], "object 0: labels:  is not one of its model"),
        ("labels", [None], "object 0: labels: None is not one of its model"),
        ("labels", None, "labels holds null"),
        ("rles", ["04"], "object 0: rles: the mask is not what its box and area say"),
        ("rles", [""], "object 0: rles"),
        ("rles", ["P"], "object 0: rles"),
        ("rles", [None], "object 0: rles"),
        ("areas_px", [7], "object 0: rles"),
        ("areas_px", [None], "object 0: rles"),
        ("bbox", [[0.0, 0.0, 128.0, 96.0]], "object 0: rles"),
        ("bbox", [[NAN] * 4], "object 0: rles"),
        ("bbox", [[]], "object 0: rles"),
        ("bbox", [None], "object 0: rles"),
        ("score_bins", [10], "object 0: score_bins: 10 is not a whole number from 0 to 9"),
        ("score_bins", [-1], "object 0: score_bins: -1"),
        ("score_bins", [None], "object 0: score_bins: None"),
        ("stabilities", [NAN], "object 0: stabilities: nan is not a number from 0 to 1"),
        ("stabilities", [INFINITE], "object 0: stabilities: inf"),
        ("stabilities", [-0.5], "object 0: stabilities: -0.5"),
        ("stabilities", [1.01], "object 0: stabilities: 1.01"),
        ("stabilities", [None], "object 0: stabilities: None"),
        ("tones", [[1.0, 2.0]], r"object 0: tones: \[1.0, 2.0\] is not 4 numbers from 0 to 255, or none"),
        ("tones", [[1.0, 2.0, NAN, 4.0]], "object 0: tones"),
        ("tones", [[1.0, 2.0, 3.0, 256.0]], "object 0: tones"),
        ("tones", [[1.0, 2.0, 3.0, None]], "object 0: tones"),
        ("tones", [None], "object 0: tones"),
        ("width", 127, "object 0: rles"),
        ("width", 0, "the picture has 0 x 96 px"),
        ("height", -96, "the picture has 128 x -96 px"),
        ("model", "blue", "the model is called red, not blue"),
        ("model_sha256", "f" * 64, "its model is not declared in the file"),
        ("image_sha256", "f" * 64, "prediction_id is not made of image_sha256 and model_sha256"),
        ("image_sha256", "odd", "image_sha256 or stored_sha256 is not a sha256"),
        ("stored_sha256", "", "image_sha256 or stored_sha256 is not a sha256"),
    ],
)
def test_a_wrong_value_is_named_with_its_row_and_column(tmp_path: Path, column: str, value: Any, words: str) -> None:
    rows = rows_of(tmp_path)
    statement = load_model(str(tmp_path / "red.toml")).statement()
    write_predictions(tmp_path / "p.parquet", [*rows[1:], rows[0] | {column: value}], [statement])
    where = "" if value is None else f"{rows[0]['prediction_id']}: "
    with pytest.raises(DataError, match=f"^witness.file p: {where}{words}.*Write it again with `medmultipoints wit"):
        read_predictions(tmp_path / "p.parquet", "witness.file p")


def test_rows_and_objects_that_occur_twice_are_named(tmp_path: Path) -> None:
    row, *_ = rows_of(tmp_path)
    statement = load_model(str(tmp_path / "red.toml")).statement()
    double = row | {"count": 2} | {name: 2 * row[name] for name in LISTS}
    for rows, words in (
        ([row, row], "0{64}:[0-9a-f]{12} occurs twice"),
        ([double], "0{64}:.*: an object occurs twice"),
    ):
        write_predictions(tmp_path / "p.parquet", rows, [statement])
        with pytest.raises(DataError, match=f"^p: {words}"):
            read_predictions(tmp_path / "p.parquet", "p")
    write_predictions(tmp_path / "p.parquet", [row], [statement, statement])
    with pytest.raises(DataError, match="^p: model [0-9a-f]{12} is declared twice"):
        read_predictions(tmp_path / "p.parquet", "p")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"licence": ""}, "0.licence: must not be empty"),
        ({"name": "Red Model"}, "0.name"),
        ({"task": "oracle"}, "0.task"),
        ({"trained_pictures": -1}, "0.trained_pictures: must be at least 0"),
        ({"trained_on": {}}, "0.trained_on.release: the key is missing"),
        ({"output": {"labels": []}}, "0.output.labels: must hold at least 1"),
        ({"extra": 1}, "0.extra: unknown key"),
    ],
)
def test_a_wrong_fact_of_a_model_is_named(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    rows = rows_of(tmp_path)
    statement = load_model(str(tmp_path / "red.toml")).statement()
    write_predictions(tmp_path / "p.parquet", rows, [statement | change])
    with pytest.raises(DataError, match=f"^p: its models: {words}"):
        read_predictions(tmp_path / "p.parquet", "p")


def test_a_model_that_hid_what_it_learned_is_refused(tmp_path: Path) -> None:
    rows = rows_of(tmp_path)
    statement = load_model(str(tmp_path / "red.toml")).statement()
    hidden = statement | {"trained_on": statement["trained_on"] | {"release": "demo 1.0.0", "split": "train"}}
    write_predictions(tmp_path / "p.parquet", rows, [hidden])
    with pytest.raises(DataError, match="model red: trained on train of demo 1.0.0, but lists no pictures"):
        read_predictions(tmp_path / "p.parquet", "p")
    write_predictions(tmp_path / "p.parquet", rows, [hidden | {"trained_pictures": 3}])
    assert 1 == len(read_predictions(tmp_path / "p.parquet", "p")[1])


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="not a file of predictions"):
        read_predictions(tmp_path / "p.parquet", "p")
