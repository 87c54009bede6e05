"""Descriptions of regions and masks on request: every sentence, corner, click and flag is measured again."""

import json
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.instructions.stage import ask, ellipse, picture, planted, reasons

FRAME = picture(
    "a",
    {
        "normal": {"1": (0, 200, 40, 220), "2": (300, 20, 340, 50), "3": (320, 30, 380, 60)},
        "cluster": {"4": (100, 100, 180, 170)},
    },
)
LONE = picture("b", {"pinhead": {"1": (600, 450, 640, 480)}})


def masked(**more: Any) -> dict[str, Any]:
    """Two polyps with masks, one with a hole in it."""
    holed = ellipse(120, 100)
    holed[45:55, 50:60] = 0
    boxes = {"1": (200, 100, 320, 200), "2": (0, 300, 90, 340)}
    tones = {"1": (120.25, 9.5, 110.25, 7.6), "2": (90.04, 3.0, 140.5, 6.21)}
    facts = {"labels_exhaustive": ["polyps"], "masks": {"1": holed, "2": ellipse(90, 40)}, "tones": tones}
    return picture("c", {"polyps": boxes}, **facts | more)


def one_polyp(**more: Any) -> dict[str, Any]:
    """A single polyp, which needs no box to be meant."""
    return picture(
        "d",
        {"polyps": {"1": (50, 60, 62, 70)}},
        labels_exhaustive=["polyps"],
        masks={"1": ellipse(12, 10)},
        **more,
    )


PICTURES = [FRAME, LONE, masked(), one_polyp()]


def contents(instructions: pl.DataFrame) -> list[Any]:
    return [json.loads(answer[8:-4]) for answer in instructions["answer"]]


@pytest.mark.slow
@pytest.mark.parametrize("task", ["description", "segmentation"])
def test_every_answer_is_proved(task: str) -> None:
    """What is said of a region is proved from its box and mask, whatever the seed."""
    for seed in range(30):
        written = ask(PICTURES, task, seed=seed)
        assert written.height > 0
        assert set(reasons(PICTURES, written)) == {""}


def test_a_lone_region_is_described_to_the_letter() -> None:
    """Place, size, shape, borders, neighbours, in this order; each sentence with its regions."""
    (content,) = contents(ask([LONE], "description"))

    assert content["caption"] == "Microscopy, finding spermatozoa, class a-class; annotated: 1 pinhead sperm."
    place, *texts = (sentence["text"] for sentence in content["sentences"])
    assert place.startswith("The pinhead sperm lies in the lower right of the image, its centre at 96.9 % of the width")
    assert texts == [
        "Its box covers 0.39 % of the image, so it is small (0.1 to 1 %).",
        "Its box is 1.3 times as wide as high.",
        "It touches the right and lower borders of the image.",
        "No other object is annotated in the image.",
    ]
    assert [sentence["regions"] for sentence in content["sentences"]] == [[0]] * 5


def test_a_caption_does_not_repeat_the_organ_as_the_class() -> None:
    """A class of the organ's own name says nothing more; the proof holds a caption that says it all the same."""
    shown = [LONE | {"classification": "microscopy"}]
    written = ask(shown, "description")
    assert contents(written)[0]["caption"] == "Microscopy, finding spermatozoa; annotated: 1 pinhead sperm."
    assert reasons(shown, written) == [""]
    told = written.with_columns(answer=pl.col("answer").str.replace("spermatozoa", "spermatozoa, class microscopy"))
    assert reasons(shown, told) == ["caption_differs"]


def test_relations_rest_on_the_regions_they_name() -> None:
    """The nearest object and those that overlap are regions of the answer, and objects of the row."""
    wanted = "[300.0, 20.0, 340.0, 50.0]"
    rows = (row for seed in range(99) for row in ask([FRAME], "description", seed=seed).iter_rows(named=True))
    row = next(row for row in rows if wanted in row["prompt"])
    content = json.loads(row["answer"][8:-4])
    assert content["sentences"][4] == {
        "text": "The nearest other object is a normal sperm to its right; "
        "their centres are 4.0 % of the image's diagonal apart.",
        "regions": [0, 1],
    }
    assert content["sentences"][5] == {"text": "Its box overlaps with that of one other object.", "regions": [0, 1]}
    assert row["object_ids"] == [f"{'a' * 64}:normal:1", f"{'a' * 64}:normal:2"]


def test_nothing_is_described_where_objects_are_left_out() -> None:
    """ "No other object is annotated" would be wrong of an image whose other objects the recipe leaves out."""
    assert ask([LONE], "description", other_labels={"b" * 64: ["cluster"]}).is_empty()


def test_a_mask_fills_a_share_of_its_box() -> None:
    """Where there is a mask, size and shape are the mask's."""
    (content,) = contents(ask([one_polyp()], "description"))

    area = int(ellipse(12, 10).sum())
    assert content["sentences"][1]["text"].startswith(f"It covers {100 * area / (640 * 480):.2f} %")
    assert content["sentences"][2]["text"].endswith(f"and the object fills {100 * area / 120:.0f} % of it.")


TONES = [  # luma, roughness, ring_luma, ring_roughness, and the words for each pair
    ((120.0, 9.5, 110.0, 7.6), "brighter than", "about as rough as"),
    ((119.99, 9.51, 110.0, 7.6), "about as bright as", "rougher than"),
    ((100.0, 7.6, 110.0, 9.51), "darker than", "smoother than"),
    ((101.0, 0.0, 110.0, 0.0), "about as bright as", "about as rough as"),
]


@pytest.mark.parametrize(("tone", "contrast", "texture"), TONES)
def test_contrast_and_texture_are_told_from_what_was_measured(
    tone: tuple[float, ...], contrast: str, texture: str
) -> None:
    """Brightness and roughness of the object and of the ring around it, with the word that follows."""
    shown = [one_polyp(tones={"1": tone})]
    written = ask(shown, "description")
    sentences = [sentence["text"] for sentence in contents(written)[0]["sentences"]]

    means = f"Its mean luma is {tone[0]:.2f}, that of the ring around it {tone[2]:.2f}"
    steps = f"Its luma changes by {tone[1]:.2f} from point to point, that of the ring by {tone[3]:.2f}"
    assert sentences[4] == f"{means}, so it is {contrast} its surroundings."
    assert sentences[5] == f"{steps}, so it is {texture} its surroundings."
    assert reasons(shown, written) == [""]


@given(st.lists(st.integers(0, 25500), min_size=4, max_size=4))
def test_every_tone_is_proved(hundredths: list[int]) -> None:
    """Asking and proving agree on the words, however near two values are."""
    shown = [one_polyp(tones={"1": tuple(value / 100 for value in hundredths)})]
    assert reasons(shown, ask(shown, "description")) == [""]


@pytest.mark.parametrize(
    ("pattern", "value", "reason"),
    [
        (r"mean luma is [\d.]+", "mean luma is 7.7", "contrast_differs"),
        (r"around it [\d.]+", "around it 7.7", "contrast_differs"),
        ("(brighter|darker) than", "about as bright as", "contrast_differs"),
        ("darker than", "brighter than", "contrast_differs"),
        (r"changes by [\d.]+", "changes by 99.9", "texture_differs"),
        (r"the ring by [\d.]+", "the ring by 99.9", "texture_differs"),
        ("smoother than", "rougher than", "texture_differs"),
        ("about as rough as", "rougher than", "texture_differs"),
        (r", \{.text.: .Its luma[^}]+\}", "", "sentences_differ"),
    ],
)
def test_a_wrong_contrast_or_texture_is_held(pattern: str, value: str, reason: str) -> None:
    """Each number and each word is derived again."""
    written = pl.concat([ask([masked()], "description", seed=seed) for seed in range(9)])
    changed = written.with_columns(answer=pl.col("answer").str.replace(pattern, value))

    assert set(reasons([masked()], changed.filter(changed["answer"] != written["answer"]))) == {reason}


def test_a_contrast_that_nobody_measured_is_held() -> None:
    """Sentences about the surroundings of an object without a tone."""
    measured, unmeasured = one_polyp(tones={"1": (120.0, 9.5, 110.0, 7.6)}), one_polyp()
    assert reasons([unmeasured], ask([measured], "description")) == ["sentences_differ"]


SENTENCES = [
    ("upper|lower|middle", "midst", "location_differs"),
    ("lies in the [a-z ]+ of", "lies in the lower left of", "location_differs"),
    (r"centre at [\d.]+", "centre at 7.7", "location_differs"),
    (r"covers [\d.]+", "covers 7.77", "size_differs"),
    (r"so it is [a-z]+", "so it is large", "size_differs"),
    (r"small \(0.1 to", "small (0.2 to", "size_differs"),
    (r"is ([\d.]+) times", "is 7.7 times", "shape_differs"),
    (r"times as wide as high", "times as high as wide", "shape_differs"),
    (r"It touches [a-z ]+ of", "It touches the upper border of", "border_differs"),
    (r"other object is an? [a-z]+ [a-z]+", "other object is a pinhead sperm", "nearest_differs"),
    (r"[\d.]+ % of the image's", "7.7 % of the image's", "nearest_differs"),
    (r"(above it|below it|to its [a-z ]+);", "to its upper left;", "nearest_differs"),
    (r"that of one other object", "that of 2 other objects", "overlap_differs"),
    (r", \{.text.: .Its box (covers|overlaps)[^}]+\}", "", "sentences_differ"),
    (r"annotated: 1", "annotated: 2", "caption_differs"),
    (r"finding [a-z]+", "finding polyps", "caption_differs"),
    (r'"regions": \[0, 1\]', '"regions": [0]', None),
    (r'"regions": \[\{"bbox_2d": \[[\d.]+', '"regions": [{"bbox_2d": [7.7', "boxes_differ"),
    (r'"label": "[a-z ]+"', '"label": "pinhead sperm"', "label_differs"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("pattern", "value", "reason"), SENTENCES)
def test_a_wrong_sentence_is_held(pattern: str, value: str, reason: str | None) -> None:
    """A word, a number or a sentence that the region does not bear out is found."""
    written = pl.concat([ask([FRAME], "description", seed=seed) for seed in range(10)])
    changed = written.with_columns(answer=pl.col("answer").str.replace(pattern, value))
    changed = changed.filter(changed["answer"] != written["answer"])
    held = set(reasons([FRAME], changed))

    assert changed.height > 0
    assert "" not in held
    assert reason is None or held == {reason}


@pytest.mark.slow
def test_every_kind_of_prompt_for_a_mask_occurs() -> None:
    """Clicks, tight boxes, rough boxes, and the name alone where it is enough."""
    written = pl.concat([ask([masked(), one_polyp()], "segmentation", seed=seed) for seed in range(20)])

    for words in ("that holds the clicks", "in the box {", "in the rough box {"):
        assert written.filter(pl.col("prompt").str.contains(words, literal=True)).height > 0
    bare = written.filter(pl.col("prompt").str.contains("polyp in this image", literal=True))
    assert set(bare["image_sha256"]) == {"d" * 64}


def test_the_flags_say_what_to_mind() -> None:
    """A hole, the image's border, a long shape, few pixels."""
    flags = [content["flags"] for content in contents(ask([masked(), one_polyp()], "segmentation"))]

    assert flags == [["holes"], ["cut", "elongated"], ["small"]]


def test_nothing_is_asked_of_resized_pictures_or_of_objects_without_masks() -> None:
    """Masks are in original pixels; and a click outside may hit an object whose mask nobody knows."""
    assert ask([masked(scale=0.5)], "segmentation").is_empty()
    assert ask([masked(masks={"1": ellipse(120, 100)})], "segmentation").is_empty()


CLICK = r'the clicks \{"point_2d": \[\[[\d.]+, [\d.]+'
MASKS = [
    (r'"bbox_2d": \[\d+', '"bbox_2d": [7', "boxes_differ"),
    (r'"polygon": \[\[[\d.]+, [\d.]+\], \[[\d.]+, [\d.]+\],', '"polygon": [', None),
    (r'"polygon": .*\]\]', '"polygon": [[210.0, 110.0], [220.0, 110.0], [220.0, 120.0]]', "polygon_differs"),
    (r'"size": \[480', '"size": [481', "rle_differs"),
    (r'"counts": "', '"counts": "1', "rle_differs"),
    (r'"flags": \[', '"flags": ["ragged", ', None),
    ("polyp", "instrument", None),
]


@pytest.mark.parametrize(("pattern", "value", "reason"), MASKS)
def test_a_wrong_mask_is_held(pattern: str, value: str, reason: str | None) -> None:
    """Box, outline, run-length code and flags are all derived from the object's mask again."""
    shown = [masked()]
    written = ask(shown, "segmentation")
    changed = written.with_columns(answer=pl.col("answer").str.replace(pattern, value))
    held = reasons(shown, changed.filter(changed["answer"] != written["answer"]))

    assert held
    if reason is not None:
        assert set(held) == {reason}
    elif "polygon" not in pattern:  # an outline may lose two corners of many
        assert "" not in held


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pattern", "value", "reasons_wanted"),
    [
        (rf"holds {CLICK}", 'holds the clicks {"point_2d": [[1.5, 1.5', {"click_not_inside"}),
        (rf"holds {CLICK}", 'holds the clicks {"point_2d": [[1.25, 1.5', {"given_differs"}),
        (rf"not {CLICK}", 'not the clicks {"point_2d": [[600.5, 20.5', {"click_not_in_ring"}),
        (rf"not {CLICK}", 'not the clicks {"point_2d": [[45.5, 320.5', {"click_not_outside"}),
        (r'in the box \{"bbox_2d": \[\d+', 'in the box {"bbox_2d": [7', {"given_differs"}),
        (r'in the rough box \{"bbox_2d": \[[\d.]+', 'in the rough box {"bbox_2d": [77.0', {"given_differs"}),
        (r"in the (rough )?box \{.*?\}", "in this image", {"referent_not_unique"}),
    ],
)
def test_a_wrong_hint_is_held(pattern: str, value: str, reasons_wanted: set[str]) -> None:
    """A prompt that means another object, or none, is found though the answer is right."""
    shown = [masked()]
    written = pl.concat([ask(shown, "segmentation", seed=seed) for seed in range(20)])
    changed = written.with_columns(prompt=pl.col("prompt").str.replace(pattern, value))

    assert set(reasons(shown, changed.filter(changed["prompt"] != written["prompt"]))) == reasons_wanted


@pytest.mark.slow
def test_a_click_in_a_hole_is_outside() -> None:
    """A pixel of a hole is no pixel of the object."""
    shown = [masked()]
    written = pl.concat([ask(shown, "segmentation", seed=seed) for seed in range(20)])
    first = written.filter(pl.col("object_ids").list.first().str.ends_with(":0"))
    hole = 'holds the clicks {"point_2d": [[255.5, 149.5'
    changed = first.with_columns(prompt=pl.col("prompt").str.replace(f"holds {CLICK}", hole))

    assert set(reasons(shown, changed.filter(changed["prompt"] != first["prompt"]))) == {"click_not_inside"}


def test_an_outline_is_that_of_its_mask() -> None:
    """Every corner lies on an edge of the mask's pixels, or within 0.3 px of one; few corners suffice."""
    (content,) = contents(ask([one_polyp()], "segmentation"))
    corners = np.array(content["polygon"])

    assert 6 <= len(corners) <= 24
    assert (corners.min(axis=0) - [50, 60]).max() <= 0.3
    assert ([62, 70] - corners.max(axis=0)).max() <= 0.3


def test_other_objects_ids_are_held() -> None:
    """The regions of a description are the objects of its row."""
    assert planted(PICTURES, ask(PICTURES, "description"), object_ids=pl.col("object_ids").list.reverse()) >= {""}
    assert planted(PICTURES, ask(PICTURES, "description"), object_ids=pl.lit(["x"])) == {"object_ids_differ"}
