"""Regions of several values in nnU-Net's dataset.json are asked value by value; a wrong answer is refused."""

import json
import re
from typing import Any

import pytest

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.sources.inspecting.declared_answers import nest_keys
from medmultipoints.transforms.sources.inspecting.inspection import inspect_source
from tests.members import MemoryMembers
from tests.transforms.sources.formats.dataset_layouts import classes
from tests.transforms.sources.formats.scenes import COUNTS, SCENES, encode
from tests.transforms.sources.formats.test_volumes import body, liver, turned

REGIONS = {"labels": {"background": 0, "whole": [1, 2], "core": 2}, "regions_class_order": [1, 2]}
VOLUMES = {
    "imagesTr/case_001_0000.nii": turned(body(), "LPS"),
    "imagesTr/case_002_0000.nii": turned(body(), "RAS"),
    "labelsTr/case_001.nii": turned(liver(), "LAS"),
    "labelsTr/case_002.nii": turned(liver() * 2, "RAS"),
    "dataset.json": json.dumps(REGIONS).encode(),
}
PLANES = {"masks.object": "component", "slices.axis": "axial", "intensity.window": "full"}


def test_regions_are_asked_value_by_value() -> None:
    found = inspect_source(MemoryMembers(VOLUMES), nest_keys(PLANES))
    (question,) = found.questions
    assert (question.key, question.default) == ("masks.values", None)
    assert "dataset.json names regions of several values (whole: 1, 2; core: 2)" in question.text
    assert "What does each of 1, 2 show by itself?" in question.text


@pytest.mark.parametrize(
    ("values", "counts"),
    [({"1": "rim", "2": "core"}, {"core": 6, "rim": 6}), ({"1": "whole", "2": "whole"}, {"whole": 12})],
)
def test_labels_of_values_are_read(values: dict[str, str], counts: dict[str, int]) -> None:
    found = inspect_source(MemoryMembers(VOLUMES), nest_keys({**PLANES, "masks.values": values}))
    assert (found.questions, dict(found.objects)) == ((), counts)


@pytest.mark.parametrize("form", ["volumes", "pictures"])
def test_a_region_as_the_label_of_one_of_its_values_is_refused(form: str) -> None:
    files: dict[str, Any] = VOLUMES
    if form == "pictures":
        labels = {"background": 0, "whole": [1, 2, 3], "core": 2}
        said = {"channel_names": {"0": "R"}, "file_ending": ".png", "labels": labels}
        files = {"dataset.json": json.dumps(said).encode()}
        for at, scene in enumerate(SCENES):
            files[f"labelsTr/c_{at:03d}.png"] = encode(classes(scene))
            files[f"imagesTr/c_{at:03d}_0000.png"] = encode(scene.pixels()[..., 0])
        whole = {"masks.values": {1: "rbc", 2: "wbc", 3: "platelet"}, "masks.object": "component"}
        assert dict(inspect_source(MemoryMembers(files), nest_keys(whole)).objects) == COUNTS
    said = re.escape('read.masks.values: in dataset.json "whole" is the region of the values 1, 2')
    with pytest.raises(UsageError, match=said):
        inspect_source(MemoryMembers(files), nest_keys({"masks.values": {1: "whole", 2: "core"}}))
