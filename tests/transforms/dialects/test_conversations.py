"""Every dialect of conversations gives back what the instruction states, within its rounding."""

from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medmultipoints.transforms.dialects.conversations.answers import Facts, Mark, Unsupported, read_content, read_facts
from medmultipoints.transforms.dialects.conversations.prompts import Prompt
from medmultipoints.transforms.dialects.frames import (
    CELLS_1000,
    FRACTIONS,
    LOCATIONS_1024,
    PERCENT,
    PIXELS,
    QWEN2_5_PIXELS,
    THOUSAND,
    Size,
)
from medmultipoints.transforms.dialects.items import Item
from medmultipoints.transforms.dialects.registry import DIALECTS, Conversation
from medmultipoints.transforms.instructions.answers.published import PUBLISHED
from medmultipoints.transforms.instructions.task_names import TASK_NAMES
from medmultipoints.transforms.pictures.crops import Crop, crop_path
from tests.transforms.dialects.decoders.registry import ENTRIES, decode_entry
from tests.transforms.dialects.samples import BOXES, SIZE, Edges, item, items

FRAMES = {
    "swift": QWEN2_5_PIXELS,
    "swift-objects": PIXELS,
    "llama-factory": THOUSAND,
    "llama-factory-resized": QWEN2_5_PIXELS,
    "trl": THOUSAND,
    "trl-resized": QWEN2_5_PIXELS,
    "qwen2.5-vl": QWEN2_5_PIXELS,
    "qwen-vl-1000": THOUSAND,
    "molmo": PERCENT,
    "llava": FRACTIONS,
    "paligemma": LOCATIONS_1024,
    "florence2": CELLS_1000,
}
FORMS = {name: one.form for name, one in DIALECTS.items() if isinstance(one.form, Conversation)}
ANSWERED = {name: set(PUBLISHED) for name in FORMS} | {
    "molmo": {"pointing", "counting", "cnt_and_point"},
    "paligemma": {"bounding", "counting"},
    "florence2": {"bounding"},
}


def stated(one: Item, dialect: str) -> Facts:
    """What the instruction states, in the order and with the marks of the dialect."""
    facts = read_facts(read_content(one.answer))
    if dialect != "molmo":
        return facts
    marks = facts.marks or tuple(Mark("polyp", point) for point in one.points if facts.count)
    width, height = one.size
    ordered = sorted(
        marks, key=lambda mark: (round(mark.numbers[0] / width * 100, 1), round(mark.numbers[1] / height * 100, 1))
    )
    return Facts(tuple(ordered), facts.count if facts.marks or facts.count else 0)


def test_all_dialects_are_covered() -> None:
    assert FRAMES.keys() == ENTRIES.keys() == FORMS.keys()


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMS)
@given(one=items())
def test_an_instruction_comes_back_within_the_rounding(name: str, one: Item) -> None:
    form = FORMS[name]
    if one.task not in ANSWERED[name]:
        with pytest.raises(Unsupported):
            form.encode(one)
        return
    line = orjson.loads(orjson.dumps(form.encode(one)))
    back, wanted = decode_entry(name, line, one.size), stated(one, name)
    assert back.count == wanted.count
    assert [mark.name for mark in back.marks] == [mark.name for mark in wanted.marks]
    steps = FRAMES[name].step(one.size)
    for found, mark in zip(back.marks, wanted.marks, strict=True):
        for place, (number, expected) in enumerate(zip(found.numbers, mark.numbers, strict=True)):
            assert abs(number - expected) <= 2 * steps[place % 2] + 1e-6


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("task", PUBLISHED)
def test_ordinary_boxes_come_back_within_half_a_step(name: str, task: str) -> None:
    boxes: tuple[Edges, ...] = ((38.0, 5.0, 430.0, 338.0), (100.3, 400.25, 160.8, 488.5))
    one, form = item(task, boxes), FORMS[name]
    if task not in ANSWERED[name]:
        return
    back = decode_entry(name, form.encode(one), one.size)
    steps = FRAMES[name].step(one.size)
    for found, mark in zip(back.marks, stated(one, name).marks, strict=True):
        for place, (number, expected) in enumerate(zip(found.numbers, mark.numbers, strict=True)):
            assert abs(number - expected) <= steps[place % 2] / 2 + 1e-6


@pytest.mark.parametrize("name", [name for name in FORMS if FRAMES[name] not in (PIXELS, QWEN2_5_PIXELS)])
@pytest.mark.parametrize("task", PUBLISHED)
def test_no_prompt_speaks_of_pixels_where_the_answer_has_none(name: str, task: str) -> None:
    if task in ANSWERED[name]:
        assert "pixel" not in orjson.dumps(FORMS[name].encode(item(task))).decode()


def test_trl_gets_the_answer_apart_and_never_the_word_image() -> None:
    line = FORMS["trl"].encode(item("counting"))
    (asked,), (answered,) = line["prompt"], line["completion"]
    assert (asked["role"], answered["role"]) == ("user", "assistant")
    assert "<image>" not in orjson.dumps(line).decode()
    assert len(line["images"]) == 1


@pytest.mark.parametrize("name", FORMS)
def test_coordinates_in_free_text_are_left_out_and_not_passed_on(name: str) -> None:
    one = item("counting")
    changed = replace(one, answer="It lies at (38, 5).")
    with pytest.raises(Unsupported):
        FORMS[name].encode(changed)


@pytest.mark.parametrize("name", FORMS)
def test_a_question_about_coordinates_is_left_out(name: str) -> None:
    one = item("bounding")
    prompt = Prompt("What is the box around the polyp at [38, 5]?", one.prompt.request)
    changed = replace(one, prompt=prompt)
    if name not in ("paligemma", "florence2"):  # these ask in their own words
        with pytest.raises(Unsupported):
            FORMS[name].encode(changed)


@pytest.mark.parametrize("name", [name for name in FORMS if FRAMES[name] is not QWEN2_5_PIXELS])
@pytest.mark.parametrize("task", ["counting", "pointing"])
def test_an_ask_that_speaks_of_pixels_is_left_out_of_every_other_frame(name: str, task: str) -> None:
    one = item(task)
    prompt = Prompt("Give the pixel position of each polyp.", one.prompt.request)
    if task in ANSWERED[name]:
        with pytest.raises(Unsupported, match="speaks of pixels"):
            FORMS[name].encode(replace(one, prompt=prompt))


@pytest.mark.parametrize("name", ["swift", "llama-factory", "qwen-vl-1000", "llava"])
def test_numbers_under_a_key_of_unknown_frame_are_left_out(name: str) -> None:
    one = item("counting")
    answer = '```json\n{"contour": [3, 4, 8], "label": "polyp"}\n```'
    changed = replace(one, answer=answer)
    with pytest.raises(Unsupported, match="contour"):
        FORMS[name].encode(changed)


@pytest.mark.parametrize("name", ["swift", "llama-factory-resized", "qwen2.5-vl"])
@pytest.mark.parametrize("task", PUBLISHED)
def test_a_picture_that_the_model_cannot_resize_is_left_out_whatever_is_asked(name: str, task: str) -> None:
    with pytest.raises(Unsupported, match="resize"):
        FORMS[name].encode(item(task, BOXES, Size(20, 600)))


@pytest.mark.parametrize("name", ["molmo", "paligemma", "florence2"])
@pytest.mark.parametrize("task", TASK_NAMES[len(PUBLISHED) :])
def test_a_form_that_knows_objects_by_name_alone_refuses_other_tasks(name: str, task: str) -> None:
    """ "detect polyp" asks for all polyps; as an answer to "the leftmost polyp" it would be wrong."""
    with pytest.raises(Unsupported, match=f"task {task}: .* has no form for it"):
        FORMS[name].encode(replace(item("bounding"), task=task))


def tracked() -> Item:
    """Two pictures, a box that the ask gives, one box as the answer."""
    given = '{"bbox_2d": [0.0, 0.0, 311.0, 264.5]}'
    request = 'Answer in fenced JSON, in pixels of image 2: {"bbox_2d": [1.0, 2.0, 3.0, 4.0], "label": "polyp"}'
    answer = '```json\n{"bbox_2d": [62.2, 52.9, 124.4, 105.8], "label": "polyp"}\n```'
    prompt = Prompt(f"Find the polyp at {given} of image 1 in image 2 and box it.", request)
    images = ("images/a.jpg", "images/b.jpg")
    return replace(item("bounding"), task="tracking", prompt=prompt, answer=answer, images=images)


def test_places_that_a_prompt_gives_are_converted_with_its_pictures() -> None:
    """A box in the ask is in the frame of the answer; every picture has its placeholder and its path."""
    line = FORMS["qwen-vl-1000"].encode(tracked())

    assert line["image"] == ["images/a.jpg", "images/b.jpg"]
    asked = line["conversations"][0]["value"]
    assert asked.startswith('<image>\n<image>\nFind the polyp at {"bbox_2d": [0, 0, 500, 500]} of image 1')
    assert '"bbox_2d": [100, 100, 200, 200]' in line["conversations"][1]["value"]


def test_ms_swift_takes_the_places_of_the_prompt_first() -> None:
    """Placeholders are filled in order, prompt before answer; what comes back is the answer."""
    line = FORMS["swift-objects"].encode(tracked())

    assert line["messages"][0]["content"].startswith('<image><image>Find the polyp at {"bbox_2d": <bbox>} of image 1')
    assert line["objects"] == {"ref": ["polyp"], "bbox": [[0.0, 0.0, 311.0, 264.5], [62.2, 52.9, 124.4, 105.8]]}
    back = decode_entry("swift-objects", line, SIZE)
    assert [mark.numbers for mark in back.marks] == [(62.2, 52.9, 124.4, 105.8)]


def cropped(*edges: int, size: Size = SIZE) -> Item:
    """A picture and a crop of it, one box as the answer."""
    request = 'Answer in fenced JSON, in pixels of image 1: {"bbox_2d": [1.0, 2.0, 3.0, 4.0], "label": "polyp"}'
    answer = '```json\n{"bbox_2d": [62.2, 52.9, 124.4, 105.8], "label": "polyp"}\n```'
    prompt = Prompt("Image 2 is a crop of image 1. Box its polyp in image 1.", request)
    crop = crop_path(Crop("ab" * 32, *edges), *size)
    one = replace(item("bounding", size=size), task="crop_grounding", prompt=prompt, answer=answer)
    return replace(one, images=(one.image, crop))


@given(st.data())
def test_an_answer_about_a_crop_is_in_the_frame_of_the_whole_picture(data: st.DataObject) -> None:
    """Whatever the crop's own size; the picture comes first, which ms-swift takes for that of the boxes."""
    left, top = data.draw(st.integers(0, 300)), data.draw(st.integers(0, 300))
    one = cropped(left, top, left + data.draw(st.integers(28, 300)), top + data.draw(st.integers(28, 200)))
    for name in ("swift", "swift-objects", "llama-factory", "llama-factory-resized", "qwen2.5-vl", "qwen-vl-1000"):
        line = FORMS[name].encode(one)
        assert (line.get("images") or line["image"]) == list(one.pictures)
        back = decode_entry(name, line, one.size)
        steps = FRAMES[name].step(one.size)
        for place, (found, wanted) in enumerate(zip(back.marks[0].numbers, (62.2, 52.9, 124.4, 105.8), strict=True)):
            assert abs(found - wanted) <= steps[place % 2] / 2 + 1e-6


@pytest.mark.parametrize("edges", [(0, 0, 27, 40), (0, 0, 40, 27)])
def test_a_crop_that_the_model_cannot_resize_is_left_out(edges: tuple[int, int, int, int]) -> None:
    """Every picture is resized by its own size; a form without a resize takes it."""
    one = cropped(*edges)
    assert one.sizes == (SIZE, Size(edges[2], edges[3]))
    for name in ("swift", "llama-factory-resized", "qwen2.5-vl"):
        with pytest.raises(Unsupported, match="resize"):
            FORMS[name].encode(one)
    assert FORMS["qwen-vl-1000"].encode(one)


@pytest.mark.parametrize("name", ["llava", "molmo", "paligemma", "florence2"])
def test_a_form_of_one_picture_refuses_a_crop_beside_it(name: str) -> None:
    """Counted by the export as what the dialect has no form for."""
    with pytest.raises(Unsupported):
        FORMS[name].encode(cropped(10, 10, 90, 90))


def test_several_pictures_are_refused_by_llava() -> None:
    """An entry of LLaVA has one picture; the export counts what it leaves out."""
    with pytest.raises(Unsupported, match="several pictures"):
        FORMS["llava"].encode(tracked())


@pytest.mark.parametrize(
    ("content", "reason"),
    [('{"path_px": 3.5}', "lengths in pixels"), ('{"rle": {"size": [2, 2], "counts": "04"}}', "a mask in pixels")],
)
@pytest.mark.parametrize("name", ["swift", "swift-objects", "llama-factory", "qwen2.5-vl"])
def test_what_is_measured_in_released_pixels_is_refused_in_other_frames(name: str, content: str, reason: str) -> None:
    """Lengths and masks would be wrong in another frame; they are left out and counted."""
    with pytest.raises(Unsupported, match=reason):
        FORMS[name].encode(replace(item("bounding"), task="motion", answer=f"```json\n{content}\n```"))


def test_positions_in_a_list_are_no_coordinates_but_boxes_of_regions_are() -> None:
    """ "regions" holds boxes, which are converted, and positions among them, which are not."""
    content = (
        '{"regions": [{"bbox_2d": [0.0, 0.0, 311.0, 264.5], "label": "polyp"}], "sentences": [{"regions": [0, 1]}]}'
    )
    one = replace(item("bounding"), task="description", answer=f"```json\n{content}\n```")

    answer = FORMS["qwen-vl-1000"].encode(one)["conversations"][1]["value"]

    assert '"bbox_2d": [0, 0, 500, 500]' in answer
    assert '"regions": [0, 1]' in answer
