"""The declaration: the worked examples parse, wrong ones are refused by key, what is stated wins."""

import tomllib

import pytest
from pydantic import ValidationError

from medmultipoints.transforms.sources.declaration.model import Declaration, merge_read
from medmultipoints.transforms.sources.declaration.parts import IgnoreLabel

VOC = """
format = "voc"
images = "BCCD/JPEGImages/{stem}.jpg"
annotations = "BCCD/Annotations/{stem}.xml"
[boxes]
frame = "inclusive-1"
degenerate = "reject"
[labels]
RBC = "red blood cell"
Platelets = { ignore = "not in the scope of this release" }
"rib_*" = "rib"
"rib_left_*" = "left rib"
[splits]
lists = "BCCD/ImageSets/Main/{split}.txt"
use = ["train", "val", "test"]
[groups]
group = "{stem}"
"""
PALETTE = r"""
format = "masks"
images = "{device}/{split_folder}/{patient:[A-Z]{2}\\d{4}}_{eye:OD|OS}_{slice:int}.tif"
annotations = "{device}/{split_folder}/labels/{patient}_{eye}_{slice:int}_seg.png"
drop = ["**/preview/*", "**/*_overlay.png"]
[masks]
kind = "palette"
object = "component"
ignore = [255]
values = { 1 = "intraretinal fluid", 2 = "subretinal fluid" }
min_area_px = 12
count = "uncertain"
[tables.patients]
file = "meta/patients.csv"
on = "patient"
delimiter = ";"
columns = { finding = "diagnosis", age = { drop = true } }
[tables.official]
file = "splits/fold0.json"
shape = "split -> list of patient"
[groups]
group = "{patient}"
[splits]
from = "official.split"
[absence]
certain = ["intraretinal fluid"]
[pictures]
exif = "stored"
[licences]
"hospital_b/**" = "CC-BY-4.0"
"""


def declared(text: str) -> Declaration:
    return Declaration.model_validate(tomllib.loads(text))


@pytest.mark.parametrize("text", [VOC, PALETTE])
def test_a_worked_example_is_a_declaration_and_its_normal_form_is_one_too(text: str) -> None:
    found = declared(text)
    assert found == Declaration.model_validate(found.model_dump(by_alias=True, exclude_defaults=True))


def test_values_of_masks_may_be_numbers() -> None:
    masks = declared(PALETTE).masks
    assert ({"1": "intraretinal fluid", "2": "subretinal fluid"}, ("255",)) == (masks.values, masks.ignore)


@pytest.mark.parametrize(
    ("label", "expected"),
    [("RBC", "red blood cell"), ("WBC", "WBC"), ("rib_right_1", "rib"), ("rib_left_1", "left rib")],
)
def test_the_most_exact_key_names_a_label_and_one_without_a_key_stays(label: str, expected: str) -> None:
    assert expected == declared(VOC).release_label(label)


def test_an_ignored_label_has_its_reason() -> None:
    assert IgnoreLabel(ignore="not in the scope of this release") == declared(VOC).release_label("Platelets")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ('format = "voc"\nimage = "a"', "image"),
        ('format = "voc"\nimages = "{a}{b}.png"', "ambiguous"),
        ('format = "voc"\nimages = "{a}.png"\n[groups]\ngroup = "{patient}"', "no pattern has a hole {patient}"),
        ('format = "voc"\n[boxes]\nframe = "inclusive"', "frame"),
        ('format = "voc"\n[labels]\npolyp = " "', 'the name of "polyp" is empty; { ignore = "why" } leaves it out'),
    ],
)
def test_a_wrong_declaration_names_its_key(change: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        declared(change)


def test_what_is_stated_wins_over_what_is_proposed_table_by_table() -> None:
    proposed = {"format": "voc", "boxes": {"frame": "edges", "degenerate": "reject"}, "labels": {"a": "b"}}
    stated = {"boxes": {"frame": "inclusive-1"}, "labels": {"c": "d"}}
    expected = {"format": "voc", "boxes": {"frame": "inclusive-1", "degenerate": "reject"}, "labels": {"c": "d"}}
    assert expected == merge_read(proposed, stated)


def test_values_of_masks_are_stated_as_a_whole_like_labels() -> None:
    """Values of a file and of a recipe are not mixed: a value that is left out is unknown, and rejected by name."""
    given = {"masks": {"kind": "classes", "values": {"1": "a", "2": "b"}}}
    expected = {"masks": {"kind": "classes", "values": {"1": "c"}}}
    assert expected == merge_read(given, {"masks": {"values": {"1": "c"}}})


def test_a_further_reading_has_its_own_keys_the_pictures_and_the_labels() -> None:
    text = """
    format = "masks"
    images = "{stem}.png"
    annotations = "masks/{stem}.png"
    masks = { kind = "binary", label = "polyp" }
    labels = { polyp = "lesion" }
    [also.json]
    annotations = "boxes.json"
    labels = { Polyp = "lesion" }
    """
    first, other = declared(text).readings
    assert ("masks", "json") == (first.format, other.format)
    assert (("{stem}.png",), ("boxes.json",), None) == (other.images, other.annotations, other.masks.kind)
    assert ["lesion", "lesion"] == [other.release_label("Polyp"), other.release_label("polyp")]
    assert first.release_label("Polyp") == "Polyp"


def test_a_declaration_is_frozen() -> None:
    with pytest.raises(ValidationError):
        declared(VOC).format = "coco"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("masks", "said"),
    [
        ({"values": {3: "vein"}, "ignore": [255, 3]}, 'ignore: 3 is "vein" in values'),
        ({"kind": "rgb", "channel": "alpha"}, 'channel: masks of the kind "rgb" are colours'),
    ],
)
def test_keys_of_masks_that_contradict_each_other_are_refused(masks: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Declaration.model_validate({"format": "masks", "masks": masks})
