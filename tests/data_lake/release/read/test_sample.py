"""Sampled rows, and the page that shows them."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from medmultipoints.data_lake.evaluate.questions import read_questions
from medmultipoints.data_lake.release.read.sample import describe, drawable, render_page, sample_release
from medmultipoints.transforms.errors import DataError, UsageError
from tests.data_lake.release.tiny_tables import PICTURES

OVERLAY = "preserveaspectratio"  # what a drawing over a picture has, and a sign of the legend has not


class _Tags(HTMLParser):
    """Every tag with its attributes, and every tag left open."""

    VOID = ("meta", "img", "input", "br")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_sample_is_the_same_each_time_and_hardly_changes_with_its_size(release: Path) -> None:
    """Drawn by id: a smaller sample is part of a larger one; another seed draws others."""
    ten, five = sample_release(release, 10), sample_release(release, 5)
    assert sample_release(release, 10) == ten
    assert {row.instruction_id for row in five.rows} < {row.instruction_id for row in ten.rows}
    assert (len(ten.rows), ten.of) == (10, 25)
    assert sample_release(release, 10, seed=1).rows != ten.rows


def test_task_and_split_can_be_chosen(release: Path) -> None:
    """More rows than there are is all of them; what is not there is refused with what is."""
    drawn = sample_release(release, 99, task="bounding", split="test")
    assert [(row.task, row.split, len(row.stated.boxes or ())) for row in drawn.rows] == [("bounding", "test", 2)]
    with pytest.raises(UsageError, match="it has bounding, cnt_and_point"):
        sample_release(release, 1, task="dancing")
    with pytest.raises(UsageError, match="it has test, train"):
        sample_release(release, 1, split="validation")


@pytest.mark.parametrize("path", ["instructions/test.jsonl", "data/test-00000-of-00001.parquet"])
def test_a_changed_file_is_neither_shown_nor_taken_for_the_truth(release: Path, path: str) -> None:
    """What the manifest does not name is refused, by its name."""
    data = bytearray((release / path).read_bytes())
    data[len(data) // 3] ^= 1
    (release / path).write_bytes(data)
    for read in (lambda: sample_release(release, 99), lambda: read_questions(release)):
        with pytest.raises(DataError, match=rf"{path} is not the file that the manifest names"):
            read()


def test_pictures_are_the_released_bytes(release: Path) -> None:
    """Each row has its own picture, and what its answer says."""
    for row in sample_release(release, 99).rows:
        assert row.picture in PICTURES.values()
        assert row.mime == ("image/png" if row.picture.startswith(b"\x89PNG") else "image/jpeg")
        assert row.stated.failure == ""
        assert len(row.stated.points or row.boxes) == len(row.boxes)


def test_the_page_needs_nothing_else(release: Path) -> None:
    """No address, no script; well-formed; every picture has a text, its own bytes and a drawing."""
    sample = sample_release(release, 99)
    page = render_page(sample)
    assert ".drawn text { fill: #fff;" in page  # numbers are read on any picture: a weaker rule leaves them unfilled
    tags = _Tags(page)
    assert tags.open == []
    assert not {"script", "link", "iframe"} & {tag for tag, _ in tags.found}
    assert not re.search(r"https?://|url\(|@import", page)
    images = [found for tag, found in tags.found if tag == "img"]
    assert len(images) == len(sample.rows) == sum(tag == "svg" and OVERLAY in found for tag, found in tags.found)
    for row, image in zip(sample.rows, images, strict=True):
        assert base64.b64decode(image["src"].partition("base64,")[2]) == row.picture
        assert image["alt"] == describe(row)


def test_boxes_and_points_are_drawn_where_the_answer_says(release: Path) -> None:
    """The drawing has the picture's own pixels as its frame."""
    (row,) = sample_release(release, 1, task="bounding", split="test").rows
    tags = _Tags(render_page(replace(sample_release(release, 1), rows=(row,)))).found
    frame = next(found["viewbox"] for tag, found in tags if tag == "svg" and OVERLAY in found)
    drawn = [found for tag, found in tags if tag == "rect" and found["class"] == "object"]
    assert frame == f"0 0 {row.width} {row.height}"
    assert [(float(one["x"]), float(one["y"])) for one in drawn] == [box[:2] for box in row.stated.boxes or ()]
    assert [float(one["width"]) for one in drawn] == [box[2] - box[0] for box in row.stated.boxes or ()]


def test_all_pictures_of_a_question_are_shown(simulated: Path) -> None:
    """In the order of the question, each in its own bytes."""
    sample = sample_release(simulated, 2, task="video_counts")
    tags = _Tags(render_page(sample)).found
    images = [base64.b64decode(found["src"].partition("base64,")[2]) for tag, found in tags if tag == "img"]
    shown = [path for row in sample.rows for path in row.images]
    assert [hashlib.sha256(image).hexdigest() for image in images] == [Path(path).stem for path in shown]
    assert len(images) > len(sample.rows) > 0


@pytest.mark.parametrize("task", ["description", "segmentation"])
def test_what_a_question_gives_is_drawn_apart_from_its_answer(simulated: Path, task: str) -> None:
    """Boxes and clicks of the prompt, and each corner of a mask's outline."""
    sample = sample_release(simulated, 99, task=task)
    tags = _Tags(render_page(sample)).found
    shapes = ("rect",) if task == "description" else ("rect", "circle")  # a thin box has a ring, too
    drawn = [found for tag, found in tags if tag in shapes and found["class"] == "given"]
    given = [
        json.loads(one) for row in sample.rows for one in re.findall(r'\{"(?:bbox|point)_2d": [^"]+\}', row.prompt)
    ]
    numbers = [len(one["point_2d"]) if "point_2d" in one else 1 for one in given]
    paths = [found["d"] for tag, found in tags if tag == "path" and found["class"] == "mask" and "L" in found["d"]]
    assert len(drawn) == sum(numbers) > 0
    assert [path.count("L") + 1 for path in paths] == [len(row.outline) for row in sample.rows if row.outline]
    assert (task == "segmentation") == bool(paths)


def test_words_are_never_markup(release: Path) -> None:
    """A prompt or an answer with angle brackets is shown as it is."""
    sample = sample_release(release, 1)
    odd = replace(sample.rows[0], prompt="<image> <b>a</b> & <script>", answer="</pre><img src=x>", label='"><i>')
    page = render_page(replace(sample, rows=(odd,)))
    assert "&lt;b&gt;a&lt;/b&gt; &amp; &lt;script&gt;" in page
    assert sum(tag == "img" for tag, _ in _Tags(page).found) == 1


def test_the_text_beside_a_picture_tells_what_is_drawn(release: Path) -> None:
    """One box, two boxes, none."""
    texts = {describe(row) for row in sample_release(release, 99, task="count_and_box").rows}
    assert "polyps, 44 by 32 pixels; answer: count 2, 2 boxes" in texts
    assert "polyps, 40 by 30 pixels; answer: count 1, 1 box" in texts
    assert "cluster, 40 by 30 pixels; answer: count 0, 0 boxes" in texts


def test_of_a_description_its_regions_are_drawn() -> None:
    regions = '[{"bbox_2d":[1.0,2.0,3.0,4.0],"label":"polyp"}]'
    answer = f'```json\n{{"caption": "A polyp.", "regions": {regions}, "sentences": []}}\n```'
    assert drawable(answer) == regions
    assert drawable("```json\n[]\n```") == "```json\n[]\n```"
