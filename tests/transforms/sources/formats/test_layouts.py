"""The same objects in more than forty layouts are read correctly, or a question is asked; never silently wrong."""

import re
from collections import Counter

import pytest

from medmultipoints.transforms.rasters.values import read_codes
from medmultipoints.transforms.records import Annotation, Box
from medmultipoints.transforms.regions.layers import find_layer_objects
from medmultipoints.transforms.sources.annotated import AnnotatedPicture, Files, picture_key
from medmultipoints.transforms.sources.inspecting.declared_answers import choice_value, nest_keys
from medmultipoints.transforms.sources.inspecting.inspection import declare, inspect_source
from medmultipoints.transforms.sources.reading.shapes import extent
from medmultipoints.transforms.sources.registry import FORMATS, read_pictures
from tests.members import MemoryMembers
from tests.transforms.sources.formats.dataset_layouts import dataset_layouts
from tests.transforms.sources.formats.export_layouts import export_layouts
from tests.transforms.sources.formats.layouts import Layout, all_layouts
from tests.transforms.sources.formats.more_layouts import more_layouts
from tests.transforms.sources.formats.public_layouts import public_layouts
from tests.transforms.sources.formats.refused_layouts import refused_layouts
from tests.transforms.sources.formats.scenes import boxes
from tests.transforms.sources.formats.tool_layouts import tool_layouts
from tests.transforms.sources.formats.variant_layouts import variant_layouts

MAKERS = (all_layouts, more_layouts, dataset_layouts, tool_layouts, public_layouts, export_layouts, variant_layouts)
EVERY = [*(layout for make in MAKERS for layout in make()), *refused_layouts()]
LAYOUTS = [layout for layout in EVERY if not layout.refused and not layout.asked]
ASKED = [layout for layout in EVERY if layout.asked]
REFUSED = [layout for layout in EVERY if layout.refused]


def test_there_are_more_than_a_hundred_layouts() -> None:
    """The share of right answers is measured on enough of them."""
    assert len({layout.name for layout in LAYOUTS}) == len(LAYOUTS) >= 190


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_is_right_or_asks(layout: Layout) -> None:
    """Without answers, counts are right unless a question is open."""
    found = inspect_source(MemoryMembers(layout.files), {})
    assert dict(layout.counts) == dict(found.objects) or found.questions


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_answers_make_it_exact(layout: Layout) -> None:
    """With what a person answers, nothing else is asked and every box is where it was drawn."""
    files = MemoryMembers(layout.files)
    found = inspect_source(files, nest_keys(layout.answers))
    assert [question.key for question in found.questions] == []
    assert dict(found.objects) == dict(layout.counts)
    for reading in range(len(declare(found.read).readings)) if layout.exact else ():
        assert read_boxes(files, found.read, reading) == expected(layout)


@pytest.mark.slow
@pytest.mark.parametrize("layout", [*LAYOUTS, *ASKED], ids=lambda layout: layout.name)
def test_every_offered_answer_is_taken(layout: Layout) -> None:
    """The question is then closed; answers with gaps to fill in are no answers yet."""
    files = MemoryMembers(layout.files)
    for question in inspect_source(files, {}).questions:
        for choice in (choice for choice in question.choices if "…" not in choice):
            found = inspect_source(files, nest_keys({question.key: choice_value(choice)}))
            assert question.key not in {one.key for one in found.questions}, choice


@pytest.mark.parametrize("layout", ASKED, ids=lambda layout: layout.name)
def test_what_may_be_no_object_is_asked(layout: Layout) -> None:
    """The question stays open, so that no build counts it."""
    assert layout.asked in {question.key for question in inspect_source(MemoryMembers(layout.files), {}).questions}


@pytest.mark.parametrize("layout", REFUSED, ids=lambda layout: layout.name)
def test_what_is_not_read_is_refused_by_name(layout: Layout) -> None:
    """A hint names the kind of file and a way to one that is read; nothing is counted."""
    found = inspect_source(MemoryMembers(layout.files), {})
    assert found.recognition is None and not found.objects
    hint, *_ = [hint for hint in found.hints if hint.key == layout.refused]
    assert re.search("write|save|export|give|need|must", hint.text)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_a_dropped_picture_is_not_read(layout: Layout) -> None:
    """All other pictures are read as before."""
    files = MemoryMembers(layout.files)
    read = inspect_source(files, nest_keys(layout.answers)).used
    before = held_pictures(files, read)
    first = min(before)
    if len({member for member, _ in before}) < 2:
        pytest.skip("all pictures are in one file")
    rest = {key: held for key, held in before.items() if key[0] != first[0]}
    assert held_pictures(files, {**read, "drop": first[0]}) == rest


def held_pictures(files: Files, read: object) -> dict[tuple[str, str], tuple[object, ...]]:
    """Annotations and masks of each picture of a declaration, by member and key."""
    found = [one for one in read_pictures(declare(read), files) if isinstance(one, AnnotatedPicture)]  # type: ignore[arg-type]
    return {(one.member, picture_key(one)): (one.annotations, one.layers, one.annotated) for one in found}


def expected(layout: Layout) -> list[tuple[str, tuple[float, ...]]]:
    single = next(iter(layout.counts)) if len(layout.counts) == 1 else None
    return sorted((single or label, tuple(map(float, box))) for held in boxes().values() for label, box in held)


def read_boxes(files: Files, read: object, reading: int = 0) -> list[tuple[str, tuple[float, ...]]]:
    """Label and box of each object of one reading of a declaration."""
    declaration = declare(read)  # type: ignore[arg-type]
    found: list[tuple[str, tuple[float, ...]]] = []
    for picture in read_pictures(declaration, files):
        if isinstance(picture, AnnotatedPicture):
            kept = [a for a in picture.annotations if not a.crowd and not a.ignore and a.reading == reading]
            named = [(declaration.release_label(a.label), a) for a in kept]
            found += [(label, rounded(box_of(a))) for label, a in named if isinstance(label, str)]
            for layer in (one for one in picture.layers if one.reading == reading):
                objects = find_layer_objects(layer, read_codes(layer, files.read)).objects
                found += [(str(declaration.release_label(region.label)), rounded(region.box)) for region in objects]
    return sorted(found)


def box_of(annotation: Annotation) -> Box:
    if annotation.box is not None:
        return annotation.box
    if annotation.polygons:
        return extent(annotation.polygons)
    assert annotation.rle is not None
    from medmultipoints.transforms.masks.run_lengths import decode_rle
    from tests.transforms.sources.formats.scenes import HEIGHT, WIDTH

    mask = decode_rle(annotation.rle, HEIGHT, WIDTH)
    rows, columns = mask.any(axis=1).nonzero()[0], mask.any(axis=0).nonzero()[0]
    return Box(columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)


def rounded(box: Box) -> tuple[float, ...]:
    return tuple(round(float(value), 2) for value in (box.x1, box.y1, box.x2, box.y2))


@pytest.mark.slow
def test_every_format_but_volumes_and_videos_has_a_layout() -> None:
    """What is recognised is what was written."""
    formats = Counter(str(inspect_source(MemoryMembers(layout.files), {}).read.get("format")) for layout in LAYOUTS)
    assert {form.name for form in FORMATS} - {"nifti", "dicom"} == set(formats) - {"None"}
