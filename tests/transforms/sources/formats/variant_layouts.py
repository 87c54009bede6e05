"""Variants that tools write within one format, by an independent writer."""

from collections.abc import Iterable

from tests.transforms.sources.formats.dataset_layouts import classes
from tests.transforms.sources.formats.layouts import Layout, coco, dump, pictures
from tests.transforms.sources.formats.scenes import HEIGHT, SCENES, WIDTH, Scene, Thing, encode


def unturned(t: Thing) -> tuple[float, float, float, float]:
    """The box that covers the object once it is rotated by 90 degrees about its centre."""
    cx, cy, w, h = (t.x1 + t.x2) / 2, (t.y1 + t.y2) / 2, t.x2 - t.x1, t.y2 - t.y1
    return cx - h / 2, cy - w / 2, cx + h / 2, cy + w / 2


def rotated() -> Iterable[Layout]:
    """CVAT writes the box before its rotation, and the rotation as an attribute."""
    held = coco(SCENES)
    things = [thing for scene in SCENES for thing in scene.things]
    for entry, thing in zip(held["annotations"], things, strict=True):
        x1, y1, x2, y2 = unturned(thing)
        entry |= {"bbox": [x1, y1, x2 - x1, y2 - y1], "attributes": {"occluded": False, "rotation": 90.0}}
    yield Layout("coco of CVAT, rotated boxes", {"annotations/instances_default.json": dump(held), **pictures()})
    files = {f"Annotations/{s.stem}.xml": voc(s) for s in SCENES}
    yield Layout("voc of CVAT, rotated boxes", {**files, **pictures()}, {"boxes.frame": "edges"})


def voc(scene: Scene) -> bytes:
    objects = ""
    for thing in scene.things:
        edges = zip(("xmin", "ymin", "xmax", "ymax"), unturned(thing), strict=True)
        box = "".join(f"<{key}>{value:.2f}</{key}>" for key, value in edges)
        turn = "<attributes><attribute><name>rotation</name><value>90.0</value></attribute></attributes>"
        objects += f"<object><name>{thing.label}</name><bndbox>{box}</bndbox>{turn}</object>"
    size = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height></size>"
    return f"<annotation><filename>{scene.stem}.png</filename>{size}{objects}</annotation>".encode()


def planar() -> Iterable[Layout]:
    """Pictures of nnU-Net: values named by dataset.json, one of them to ignore."""
    files = {"dataset.json": dump({
        "channel_names": {"0": "R"}, "file_ending": ".png", "numTraining": len(SCENES),
        "labels": {"background": 0, "rbc": 1, "wbc": 2, "platelet": 3, "ignore": 4},
    })}  # fmt: skip
    for at, scene in enumerate(SCENES):
        values = classes(scene)
        values[HEIGHT - 3 :, 0:3] = 4
        files[f"labelsTr/c_{at:03d}.png"] = encode(values)
        files[f"imagesTr/c_{at:03d}_0000.png"] = encode(scene.pixels()[..., 0])
    yield Layout("nnU-Net of pictures, with a value to ignore", files, {"masks.object": "component"})


def variant_layouts() -> list[Layout]:
    return [layout for make in (rotated, planar) for layout in make()]
