"""Pairs of one's own: chosen by a declaration alone, asked for what is missing, counted as the build reads them."""

import json

import pytest

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.records import Indexed
from medmultipoints.transforms.sources.accounting import check_members
from medmultipoints.transforms.sources.annotated import AnnotatedPicture, ReadProblem
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.described import DescribedSource
from medmultipoints.transforms.sources.formats.pairs import FORMAT
from medmultipoints.transforms.sources.inspecting.recognition import recognise_source
from medmultipoints.transforms.sources.pairs.reader import read_samples
from medmultipoints.transforms.sources.registry import find_format, read_pictures
from tests.members import MemoryMembers

STATED = {"format": "pairs", "images": "i/*", "annotations": ["m/*", "boxes.json"]}
BOX = {"label": "Ulcer", "xmin": 0, "ymin": 0, "xmax": 3, "ymax": 3}
ENTRY = {"width": 4, "height": 4, "bbox": [BOX]}
FILES = dict.fromkeys(("i/a.png", "m/a.png", "i/b.png", "m/b.png", "i/c.png"), b"")
FILES["boxes.json"] = json.dumps({"a": ENTRY, "b": {**ENTRY, "bbox": [{**BOX, "xmin": 3}]}, "c": ENTRY}).encode()


def declared(**masks: object) -> Declaration:
    return Declaration.model_validate({**STATED, "masks": {"label": "ulcer", **masks}, "labels": {"Ulcer": "ulcer"}})


def read(declaration: Declaration) -> Indexed:
    members = MemoryMembers(FILES)
    indexed = read_samples(members, described=DescribedSource("ours", declaration))
    check_members(members, indexed)
    return indexed


def test_only_a_declaration_chooses_pairs_and_what_it_lacks_is_asked() -> None:
    assert FORMAT.recognise(MemoryMembers(FILES), {}) is None
    found = recognise_source(MemoryMembers(FILES), STATED)
    assert found is not None
    assert [question.key for question in found.questions] == ["masks.label"]
    complete = recognise_source(MemoryMembers(FILES), {**STATED, "masks": {"label": "ulcer"}})
    assert complete is not None
    assert (complete.questions, complete.read["masks"]) == ((), {"label": "ulcer"})


def test_pairs_that_lack_something_are_rejected_whole_and_shown_as_problems() -> None:
    (sample,) = read(declared()).samples
    assert (sample.stem, sample.mask_member, [box.label for box in sample.source_boxes]) == ("a", "m/a.png", ["ulcer"])
    shown = list(read_pictures(declared(), MemoryMembers(FILES)))
    pictures = {one.member: one.layers[0].label for one in shown if isinstance(one, AnnotatedPicture)}
    problems = {one.key: one.reason for one in shown if isinstance(one, ReadProblem)}
    assert pictures == {"i/a.png": "ulcer"}
    assert problems == {"i/b.png": "box_inverted", "m/b.png": "box_inverted", "i/c.png": "mask_missing"}


def test_declared_values_make_layers() -> None:
    (layer,) = read(declared(values={"1": "ulcer"}, ignore=[255], object="value")).samples[0].layers
    assert (layer.labels, layer.ignore, layer.object, layer.min_area_px) == ({"1": "ulcer"}, ("255",), "value", 0)


@pytest.mark.parametrize(
    ("keys", "said"),
    [({"kind": "binary"}, r"read: masks\.kind"), ({"values": {"1": "polyp"}}, r"masks\.values: 1 is 'polyp'")],
)
def test_keys_and_values_that_pairs_cannot_follow_are_refused(keys: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read(declared(**keys))


def test_labels_follow_an_ontology() -> None:
    """Its names are known in any case."""
    keys = {**STATED, "masks": {"label": "Ulcer"}, "known": ["ulcer"], "hierarchy": {}}
    (sample,) = read(Declaration.model_validate(keys)).samples
    assert (sample.mask_label, sample.labels_exhaustive, sample.source_boxes[0].label) == ("ulcer", ("ulcer",), "ulcer")
    assert find_format("pairs") is FORMAT
