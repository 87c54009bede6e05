"""Names that fill the holes of a group are hashes in all that a release holds, and readers still join by them."""

import json
from typing import Any

import pytest

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.records import Indexed
from medmultipoints.transforms.sources.accounting import check_members
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.declared import read_declared
from medmultipoints.transforms.sources.hidden_names import HiddenNames, find_hidden, hash_name, hide_names
from medmultipoints.transforms.sources.registry import read_pictures
from tests.faults.tiny_sources import draw
from tests.members import MemoryMembers

ANNA, HANS = hash_name("Anna Schmidt"), hash_name("Hans Müller")
TABLE = {
    "format": "table",
    "annotations": "t.csv",
    "fields": {"image": "image", "x1": "x1", "y1": "y1", "x2": "x2", "y2": "y2"},
    "label": "cyst",
    "boxes": {"frame": "edges", "form": "xyxy"},
}


def declared(images: str, group: str) -> Declaration:
    return Declaration.model_validate({**TABLE, "images": images, "groups": {"group": group, "hash": True}})


def hidden(files: dict[str, bytes], declaration: Declaration) -> Indexed:
    hide = find_hidden("s", declaration, sorted(files))
    found = hide_names(read_declared("s", declaration, {}, MemoryMembers(files), read_pictures), hide)
    check_members(MemoryMembers({hide(name): data for name, data in files.items()}), found)
    return found


def rows(*names: str) -> bytes:
    return "\n".join(["image,x1,y1,x2,y2", *(f"{name},1,1,9,9" for name in names)]).encode()


def test_no_path_key_or_detail_keeps_a_name() -> None:
    """Not in folders, in names of files, in stems with `_` for blanks, in other files, or in what is said of them."""
    pictures = ("Anna Schmidt/anna_schmidt_1.jpg", "Hans Müller/scan_2.jpg")
    files: dict[str, bytes] = {name: draw(name) for name in pictures}
    files |= {"t.csv": rows(*pictures, "Anna Schmidt/gone.jpg"), "Anna Schmidt/letter to Hans Müller.txt": b"x"}
    found = hidden(files, declared("{patient}/{stem}.jpg", "{patient}"))
    assert [ANNA, HANS] == sorted((sample.group for sample in found.samples), key=[ANNA, HANS].index)
    assert {f"{ANNA}/{ANNA}_1.jpg", f"{HANS}/scan_2.jpg"} == {sample.image_member for sample in found.samples}
    assert f"{ANNA}/letter to {HANS}.txt" in {row.key for row in found.exclusions}
    assert not {"anna", "schmidt", "hans", "müller"} & set(repr(found).casefold().replace("_", " ").split())
    assert not any(name in repr(found).casefold() for name in ("anna", "schmidt", "müller"))


def test_names_of_files_are_hidden_where_a_hole_holds_them() -> None:
    files = {f"Müller_Hans_{at}.jpg": draw(str(at)) for at in (1, 2)}
    files["t.csv"] = rows(*files)
    found = hidden(files, declared("{patient}_{slice:int}.jpg", "{patient}"))
    name = hash_name("Müller_Hans")
    assert [(f"s/{name}_1", name), (f"s/{name}_2", name)] == [(one.sample_id, one.group) for one in found.samples]


def test_a_name_within_another_word_is_another_word() -> None:
    hide = HiddenNames(["Ann", "Ann Lee", "P1"])
    kept = "Annotations of P12 in panned"
    assert kept == hide(kept)
    assert f"{hash_name('Ann Lee')}/{hash_name('Ann')}2_{hash_name('P1')}" == hide("ann_lee/ANN2_P1")


@pytest.mark.parametrize(
    ("images", "names", "said"),
    [
        ("{patient}x{slice:int}.jpg", ["Annx1.jpg", "Hansx2.jpg"], "touches other letters"),
        ("{patient}/1.jpg", ["Ann/1.jpg", "ANN/2.jpg", "ann/2.jpg"], "would have the same path"),
    ],
)
def test_what_cannot_be_hidden_is_refused(images: str, names: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        find_hidden("s", declared(images, "{patient}"), names)


def test_a_group_from_a_column_is_hashed_alone() -> None:
    data = b"image,who,x1,y1,x2,y2\na.jpg,Anna Schmidt,1,1,9,9\n"
    found = hidden({"a.jpg": draw("a"), "t.csv": data}, declared("{stem}.jpg", "{who}"))
    assert [("s/a", ANNA)] == [(one.sample_id, one.group) for one in found.samples]


@pytest.mark.parametrize("groups", [{"hash": True}, {"hash": True, "group": "picture"}])
def test_hash_needs_a_group(groups: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="hash needs group"):
        Declaration.model_validate({**TABLE, "images": "{stem}.jpg", "groups": groups})


def test_annotations_that_name_pictures_by_their_paths_still_join() -> None:
    picture = {"id": 1, "file_name": "Anna Schmidt/1.jpg", "width": 64, "height": 48}
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 9, 9]}
    document = {"images": [picture], "annotations": [box], "categories": [{"id": 1, "name": "cyst"}]}
    files = {"Anna Schmidt/1.jpg": draw("a"), "c.json": json.dumps(document).encode()}
    read = {"format": "coco", "annotations": "c.json", "images": "{patient}/{stem}.jpg"}
    found = hidden(files, Declaration.model_validate({**read, "groups": {"group": "{patient}", "hash": True}}))
    assert [1] == [len(sample.annotations) for sample in found.samples]
