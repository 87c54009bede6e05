"""Frames of one's own videos: chosen by a declaration alone, with classes and file names of their own."""

import io
from collections.abc import Mapping

import numpy as np
import pytest
from PIL import Image

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.records import Box, Indexed
from medmultipoints.transforms.regions.derive import Derived, DeriveParameters, derive_sample
from medmultipoints.transforms.sources.accounting import check_members
from medmultipoints.transforms.sources.annotated import AnnotatedPicture, ReadProblem
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.described import DescribedSource
from medmultipoints.transforms.sources.formats.frames import FORMAT
from medmultipoints.transforms.sources.frames.reader import read_samples
from medmultipoints.transforms.sources.inspecting.inspection import inspect_source
from medmultipoints.transforms.sources.inspecting.recognition import recognise_source
from medmultipoints.transforms.sources.registry import read_pictures
from tests.members import MemoryMembers

STATED = {
    "format": "frames",
    "images": "**/jpg/{video}-{frame:int}.jpg",
    "annotations": "**/txt/{video}-{frame:int}.txt",
    "video": "**/{video}.avi",
    "classes": ["cell", "debris"],
    "labels": {"cell": "live cell"},
    "splits": {"from": "{video}", "names": {"b": "test", "*": "train"}},
    "drop": {"**/notes/**": ["notes_left_out", "is a note of the authors"]},
}


def picture() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((40, 80, 3), np.uint8)).save(buffer, "JPEG")
    return buffer.getvalue()


FILES = {
    "a/jpg/a-0.jpg": picture(),
    "a/txt/a-0.txt": b"7 0 0.5 0.5 0.25 0.5\n9 1 0.25 0.5 0.125 0.25\n",
    "b/jpg/b-12.jpg": picture(),
    "b/txt/b-12.txt": b"7 2 0.5 0.5 0.25 0.5\n",
    "a/txt/first.txt": b"",
    "a/notes/1.txt": b"",
}


def declared(**keys: object) -> Declaration:
    return Declaration.model_validate({**STATED, **keys})


def read(files: Mapping[str, bytes] = FILES, **keys: object) -> Indexed:
    members = MemoryMembers(files)
    indexed = read_samples(members, described=DescribedSource("ours", declared(**keys), {"organ": "Blood"}), seed=0)
    check_members(members, indexed)
    return indexed


def test_only_a_declaration_chooses_frames_and_what_it_lacks_is_asked() -> None:
    assert FORMAT.recognise(MemoryMembers(FILES), {}) is None
    found = recognise_source(MemoryMembers(FILES), {"format": "frames", "images": STATED["images"]})
    assert found is not None
    assert [question.key for question in found.questions] == ["annotations", "video", "classes"]
    assert inspect_source(MemoryMembers(FILES), {"format": "frames"}).objects == {}


def test_a_label_file_with_identities_needs_no_second_file() -> None:
    first, second = read().samples
    assert (first.stem, first.label_member, first.track_member) == ("a_frame_0", "a/txt/a-0.txt", "a/txt/a-0.txt")
    assert [(one.video_id, one.frame_index, one.official_split) for one in (first, second)] == [
        ("a", 0, "train"),
        ("b", 12, "test"),
    ]
    assert (first.organ, first.labels_exhaustive) == ("Blood", ("debris", "live cell"))
    derived = derive_sample(first, FILES.__getitem__, DeriveParameters(classes=("live cell", "debris")))
    assert isinstance(derived, Derived)
    assert derived.tracked == [("7", "live cell"), ("9", "debris")]


def test_the_objects_that_inspect_counts_are_those_of_the_build() -> None:
    found = list(read_pictures(declared(), MemoryMembers(FILES)))
    (shown,) = (one for one in found if isinstance(one, AnnotatedPicture))
    assert [(one.label, one.box, one.track_id) for one in shown.annotations] == [
        ("live cell", Box(30, 10, 50, 30), "7"),
        ("debris", Box(15, 15, 25, 25), "9"),
    ]
    problems = {one.key: one.reason for one in found if isinstance(one, ReadProblem)}
    assert problems == {"b/jpg/b-12.jpg": "label_class_unknown", "a/txt/first.txt": "frame_name_invalid"}


def test_files_are_left_out_with_the_declared_reason() -> None:
    (row,) = (row for row in read().exclusions if row.verdict == "dropped")
    assert (row.reason, row.detail) == ("notes_left_out", "a/notes/1.txt is a note of the authors")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"images": "**/jpg/{video}.jpg"}, r"\{video\}\.jpg' needs a named folder and a file name with the holes"),
        ({"images": "{video}-{frame:int}.jpg"}, "needs a named folder"),
        ({"annotations": ["a/{video}{frame:int}.txt"] * 3}, "one or two of annotations"),
        ({"classes": []}, "need one pattern of images"),
        ({"video": "**/*.avi"}, r"read\.video: .* has no hole \{video\}"),
        ({"groups": {"group": "{video}"}}, r"read: groups\.group: frames have"),
    ],
)
def test_patterns_and_keys_that_frames_cannot_follow_are_refused(keys: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read(**keys)
