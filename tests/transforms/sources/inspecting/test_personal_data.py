"""What may name a person is hinted at with counts, never with the name."""

import io

import pytest
from PIL import Image

from medmultipoints.transforms.sources.inspecting.inspection import inspect_source
from medmultipoints.transforms.sources.inspecting.personal_data import is_personal_name
from tests.faults.tiny_sources import draw
from tests.members import MemoryMembers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Anna Schmidt", True),
        ("Müller_Hans_01", True),
        ("Lang, Eva Maria", True),
        ("SCHMIDT^ANNA", True),
        ("Anna", False),
        ("img_001", False),
        ("colon_polyp", False),
        ("Ground Truth", False),
        ("Training Images", False),
        ("P001", False),
    ],
)
def test_two_capitalised_words_may_be_a_name(text: str, expected: bool) -> None:
    assert expected == is_personal_name(text)


def hints(files: dict[str, bytes], **stated: object) -> dict[str, str]:
    rows = "".join(f"{name},Left Kidney,{name.partition('/')[0]},1,1,9,9\n" for name in files)
    table = {"t.csv": b"image,label,patient,x1,y1,x2,y2\n" + rows.encode()}
    return {hint.key: hint.text for hint in inspect_source(MemoryMembers(files | table), stated).hints}


def test_folders_and_groups_that_may_be_persons_are_counted() -> None:
    """Not folders of labels; with the key that hashes them nothing is left to say."""
    files = {f"{who}/{at}.jpg": draw(f"{who}{at}") for who in ("Anna Schmidt", "Hans Müller") for at in (1, 2)}
    assert hints(files)["names_of_persons"].startswith("2 of 2 folders, 2 of 2 groups may bear names of persons")
    stated = {"images": "{who}/{stem}.jpg", "groups": {"group": "{who}", "hash": True}}
    assert "names_of_persons" not in hints(files, **stated)
    labels = {f"Left Kidney/{at}.jpg": draw(f"{at}") for at in (1, 2)}
    assert "names_of_persons" not in hints(labels)


def test_names_that_hash_does_not_reach_are_still_counted() -> None:
    files = {f"{who}/Eva Lang {at}.jpg": draw(f"{who}{at}") for who in ("Anna Schmidt", "Hans Müller") for at in (1, 2)}
    stated = {"images": "{who}/{stem}.jpg", "groups": {"group": "{who}", "hash": True}}
    assert hints(files, **stated)["names_of_persons"].startswith("2 of 2 files may bear names of persons, which [read")


def test_metadata_of_pictures_is_counted_without_its_content() -> None:
    exif = Image.Exif()
    exif[0x013B], exif[0x010E] = "A Person", "Anna"
    data = io.BytesIO()
    Image.new("RGB", (64, 48)).save(data, "JPEG", exif=exif)
    said = hints({"a.jpg": data.getvalue(), "b.jpg": draw("b")})["metadata"]
    assert said.startswith("1 of 2 pictures looked at carry metadata: EXIF Artist in 1, EXIF ImageDescription in 1;")
    assert said.endswith('[privacy] of the recipe says name = "redact", other = "redact"')
    assert "Anna" not in said
