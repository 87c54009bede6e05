"""A key that the declared format does not use is refused by name; those that it uses, and all proposals, are not."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import BaseModel

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.declaration.parts import FIELDS
from medmultipoints.transforms.sources.declaration.used_keys import refuse_unused, used_keys
from medmultipoints.transforms.sources.inspecting.declared_answers import nest_keys
from medmultipoints.transforms.sources.inspecting.inspection import inspect_source
from medmultipoints.transforms.sources.registry import EVERY_FORMAT
from tests.members import MemoryMembers
from tests.transforms.sources.formats.layouts import Layout
from tests.transforms.sources.formats.test_layouts import LAYOUTS


def every_key(model: type[BaseModel] = Declaration, place: str = "") -> list[str]:
    """The dotted keys of a declaration."""
    keys: list[str] = []
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            keys += every_key(inner, f"{place}{name}.")
        else:
            keys += [f"{place}{field.alias or name}"]
    return [*(key for key in keys if key != "fields"), *(f"fields.{name}" for name in FIELDS if not place)]


@pytest.mark.parametrize("form", EVERY_FORMAT, ids=lambda form: form.name)
def test_a_format_refuses_each_key_that_it_does_not_use(form: Any) -> None:
    used = used_keys(form.name)
    assert used <= set(every_key())
    for key in every_key():
        read: Mapping[str, Any] = {**nest_keys({key: "x"}), "format": form.name}
        if key in used - {"also"}:
            refuse_unused(read)
        elif key != "also":
            with pytest.raises(UsageError, match=rf"^read.{re.escape(key)}: the format {form.name} does not use it"):
                refuse_unused(read)


def test_every_key_is_used_by_a_format() -> None:
    assert set(every_key()) == set().union(*(used_keys(form.name) for form in EVERY_FORMAT))


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_no_proposal_has_a_key_that_its_format_does_not_use(layout: Layout) -> None:
    refuse_unused(inspect_source(MemoryMembers(layout.files), nest_keys(layout.answers)).used)


def test_keys_of_a_further_reading_are_those_of_its_format() -> None:
    read = {"format": "masks", "also": {"boxes": {"format": "voc", "boxes": {"frame": "edges"}}}}
    refuse_unused(read)
    read["also"] = {"voc": {"masks": {"kind": "binary"}}}
    with pytest.raises(UsageError, match=r"^read.also.voc.masks.kind: the format voc does not use it.*used by .*masks"):
        refuse_unused(read)


def test_a_frame_of_boxes_that_are_no_corners_is_refused() -> None:
    with pytest.raises(UsageError, match="read.boxes.frame: boxes of the form xywh have no frame"):
        refuse_unused({"format": "table", "boxes": {"form": "xywh", "frame": "inclusive-1"}})
