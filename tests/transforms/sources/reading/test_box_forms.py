"""A declared form, unit, order or frame of boxes that the boxes contradict is refused; the true one never is."""

import json
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from PIL import Image

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.sources.inspecting.declared_answers import nest_keys
from medmultipoints.transforms.sources.inspecting.inspection import inspect_source
from tests.flows.small_builds import prepared
from tests.members import MemoryMembers
from tests.transforms.sources.formats.scenes import encode

WIDTH, HEIGHT = 200, 80
PICTURES = {f"p{at}.png": encode(np.full((HEIGHT, WIDTH, 3), 40 + at, np.uint8)) for at in range(4)}


def corners(seed: int = 3) -> list[tuple[int, int, int, int]]:
    """Boxes as edges, ten for each picture; some begin at 0 and some end at the far edge."""
    random = Random(seed)
    found = []
    for at in range(40):
        x, y = random.randrange(WIDTH - 30), random.randrange(HEIGHT - 20)
        x2, y2 = random.randrange(x + 12, WIDTH + 1), random.randrange(y + 8, HEIGHT + 1)
        found.append((0 if at % 8 == 1 else x, y, WIDTH if at % 8 == 2 else x2, y2))
    return found


FORMS = {
    "xyxy": lambda a, b, c, d: (a, b, c, d),
    "xywh": lambda a, b, c, d: (a, b, c - a, d - b),
    "cxcywh": lambda a, b, c, d: ((a + c) / 2, (b + d) / 2, c - a, d - b),
}


def table(form: str, *, swapped: bool = False, parts: float = 1) -> dict[str, bytes]:
    """Pictures and a table of boxes in one column, as pixels or (``parts``) as fractions."""
    rows = ["file,label,bbox"]
    for at, box in enumerate(corners()):
        numbers = FORMS[form](*box)
        if parts != 1:
            numbers = tuple(n / side * parts for n, side in zip(numbers, (WIDTH, HEIGHT) * 2, strict=True))
        a, b, c, d = numbers
        shown = (b, a, d, c) if swapped else numbers
        rows.append(f'p{at % 4}.png,cell,"[{", ".join(map(str, shown))}]"')
    return {**PICTURES, "boxes.csv": "\n".join(rows).encode()}


def stated(files: dict[str, bytes], **keys: str) -> dict[str, Any]:
    """Inspect a table with keys of boxes."""
    given = {f"boxes.{key}": value for key, value in keys.items()}
    return dict(inspect_source(MemoryMembers(files), nest_keys({"format": "table", **given})).objects)


@pytest.mark.parametrize("true", FORMS)
@pytest.mark.parametrize("form", FORMS)
def test_a_form_that_the_boxes_contradict_is_refused(true: str, form: str) -> None:
    if form == true:
        assert stated(table(true), form=form, unit="pixels") == {"cell": 40}
        return
    with pytest.raises(
        UsageError, match=rf'^read.boxes.form = "{form}": .* pass the picture.s edge, and 40 lie .* {true}'
    ):
        stated(table(true), form=form)


@pytest.mark.parametrize("form", FORMS)
def test_boxes_of_y_before_x_are_refused_and_never_accepted(form: str) -> None:
    with pytest.raises(UsageError, match=f"lie in the picture as {form} with x and y swapped"):
        stated(table(form, swapped=True), form=form)
    found = inspect_source(MemoryMembers(table(form, swapped=True)), {})
    (question,) = [one for one in found.questions if one.key == "boxes.form"]
    assert question.default is None and "x and y swapped" in question.text


@pytest.mark.parametrize(
    ("parts", "unit", "said"),
    [
        (0.999, "pixels", "all numbers of 40 boxes are 0 to 1"),
        (0.999, "percent", "all numbers of 40 boxes are 0 to 1"),
        (100, "fraction", "of 40 boxes have numbers above 1"),
        (200, "percent", "of 40 boxes have numbers above 100"),
    ],
)
def test_a_unit_that_the_boxes_contradict_is_refused(parts: float, unit: str, said: str) -> None:
    with pytest.raises(UsageError, match=rf'^read.boxes.unit = "{unit}": .*{said}'):
        stated(table("xyxy", parts=parts), unit=unit, form="xyxy")


def test_fractions_and_percent_are_read_as_declared() -> None:
    for parts, unit in ((0.9999, "fraction"), (99.99, "percent")):
        assert stated(table("xyxy", parts=parts), unit=unit, form="xyxy") == {"cell": 40}


@pytest.mark.parametrize("frame", ["inclusive-0", "inclusive-1"])
def test_a_frame_that_the_boxes_contradict_is_refused(frame: str) -> None:
    with pytest.raises(UsageError, match=f'read.boxes.frame = "{frame}": .*(begin at 0|end at the width)'):
        stated(table("xyxy"), form="xyxy", frame=frame)
    assert stated(table("xyxy"), form="xyxy", frame="edges") == {"cell": 40}


def test_a_few_odd_boxes_contradict_nothing() -> None:
    """Two of forty boxes that begin at 0 are faults of boxes that count from 1, and two outside of the picture too."""
    rows = [(max(a, 1), max(b, 1), min(c, WIDTH), min(d, HEIGHT)) for a, b, c, d in corners()]
    rows[:2] = [(0, 5, 20, 30), (5, 0, 20, 30)]
    rows[2:4] = [(150, 5, 220, 30), (150, 5, 230, 30)]
    lines = ["file,label,x1,y1,x2,y2", *(f"p{at % 4}.png,cell,{a},{b},{c},{d}" for at, (a, b, c, d) in enumerate(rows))]
    files = {**PICTURES, "boxes.csv": "\n".join(lines).encode()}
    assert stated(files, form="xyxy", frame="inclusive-1") == {"cell": 40}


def test_a_build_refuses_what_inspect_refuses(tmp_path: Path) -> None:
    boxes = [list(FORMS["xyxy"](*box)) for box in corners()]
    images = [{"id": at, "file_name": f"p{at}.png", "width": WIDTH, "height": HEIGHT} for at in range(4)]
    entries = [{"id": at, "image_id": at % 4, "category_id": 1, "bbox": box} for at, box in enumerate(boxes)]
    document = {"images": images, "annotations": entries, "categories": [{"id": 1, "name": "cell"}]}
    (tmp_path / "own").mkdir()
    for name in PICTURES:
        Image.effect_noise((WIDTH, HEIGHT), 90).convert("RGB").save(tmp_path / "own" / name)
    (tmp_path / "own/boxes.json").write_text(json.dumps(document))
    head = 'name = "own"\nversion = "1.0.0"\ntitle = "Own"\n[sources.own]\npath = "own"\nlicence = "MIT"\n'
    (tmp_path / "own.toml").write_text(f'{head}read = {{ format = "coco", boxes = {{ form = "xywh" }} }}\n')
    with pytest.raises(UsageError, match=r'^sources.own.read.boxes.form = "xywh": .* 40 lie in the picture as xyxy'):
        prepared(str(tmp_path / "own.toml"), tmp_path / "lake", {})
