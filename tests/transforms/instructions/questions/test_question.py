"""Objects that a prompt could confuse, because their boxes are written alike."""

import numpy as np

from medmultipoints.transforms.instructions.questions.question import distinct
from medmultipoints.transforms.instructions.scenes import Scene
from medmultipoints.transforms.records import Box, Point, ReleasedObject


def scene_of(boxes: list[list[float]]) -> Scene:
    """A frame of 100 x 100 pixels; every second object is of class b."""
    objects = tuple(
        ReleasedObject(object_id=f"o{place}", label="ab"[place % 2], box=Box(*box), point=Point(0, 0))
        for place, box in enumerate(boxes)
    )
    texts = dict.fromkeys(("sample_id", "image_sha256", "image_file", "split", "source"), "s")
    texts |= dict.fromkeys(("organ", "finding", "classification"), "c")
    return Scene(
        **texts,
        width=100,
        height=100,
        scale=1.0,
        certain=(),
        video_id=None,
        frame_index=None,
        fps=None,
        records={},
        listed={},
        objects=objects,
    )


def test_an_object_is_distinct_if_no_other_has_about_its_box() -> None:
    """Compared with every pair of objects, at distances around the limit of 0.2 px."""
    draw = np.random.Generator(np.random.PCG64(3))
    found = set()
    for _ in range(200):
        edges = draw.integers(0, 3, (int(draw.integers(1, 9)), 4)) * 0.15 + np.array([10, 10, 30, 30])
        scene = scene_of(edges.tolist())
        for one in scene.objects:
            near = [
                other
                for other in scene.objects
                if other is not one and all(abs(a - b) <= 0.2 for a, b in zip(one.box, other.box, strict=True))
            ]
            assert distinct(one, scene) == (not near)
            assert distinct(one, scene, of_class=True) == all(other.label != one.label for other in near)
            found.add((distinct(one, scene), distinct(one, scene, of_class=True)))
    assert found == {(True, True), (False, True), (False, False)}
