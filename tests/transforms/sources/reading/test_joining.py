"""Formats of one annotation file per picture share one loop: columns of the pattern, hints, damaged files."""

import pytest

from medmultipoints.transforms.sources.annotated import AnnotatedPicture, ReadProblem
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.registry import find_format
from tests.members import MemoryMembers
from tests.transforms.sources.formats.layouts import pictures, voc
from tests.transforms.sources.formats.scenes import SCENES

LINES = {
    "voc": ("xml", lambda scene: voc(scene, 0, 0)),
    "labelme": ("json", lambda scene: b'{"shapes": [], "imagePath": "%s.png"}' % scene.stem.encode()),
    "lines": ("txt", lambda _scene: b"cell 1 2 9 9\n"),
}


@pytest.mark.parametrize("name", LINES)
def test_a_hole_in_the_pattern_of_annotations_is_a_column(name: str) -> None:
    """Otherwise a declared group would be ignored in silence."""
    extension, write = LINES[name]
    files = {f"p{at}/{scene.stem}.{extension}": write(scene) for at, scene in enumerate(SCENES)}
    declaration = Declaration(format=name, annotations=(f"{{group}}/{{name}}.{extension}",))
    found = [*find_format(name).read(declaration, MemoryMembers(files | pictures()))]
    assert {f"p{at}" for at in range(len(SCENES))} == {
        one.columns["group"] for one in found if isinstance(one, AnnotatedPicture)
    }


@pytest.mark.parametrize("name", ["voc", "labelme"])
def test_a_picture_that_is_missing_is_a_hint(name: str) -> None:
    """A curator learns it before the build."""
    extension, write = LINES[name]
    files = {f"{scene.stem}.{extension}": write(scene) for scene in SCENES}
    _, *rest = pictures().items()
    recognition = find_format(name).recognise(MemoryMembers(files | dict(rest)), {})
    assert recognition is not None
    assert "pictures_missing" in {hint.key for hint in recognition.hints}


def test_a_damaged_file_ends_alone() -> None:
    """The other files are read, and its picture stays without an annotation."""
    files = {f"{scene.stem}.xml": voc(scene, 0, 0) for scene in SCENES}
    (first, _), *_ = files.items()
    declaration = Declaration(format="voc")
    found = [*find_format("voc").read(declaration, MemoryMembers(files | {first: files[first][:-9]} | pictures()))]
    assert [("xml_damaged", first)] == [(one.reason, one.key) for one in found if isinstance(one, ReadProblem)]
    assert sum(not one.annotated for one in found if isinstance(one, AnnotatedPicture)) == 1
