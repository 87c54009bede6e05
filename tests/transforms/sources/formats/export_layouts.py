"""Exports of further tools, and of Roboflow in each of its formats, by an independent writer."""

import base64
import json
from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from tests.transforms.sources.formats.dataset_layouts import CELLS, VALUES, classes, union
from tests.transforms.sources.formats.layouts import (
    Files,
    Layout,
    coco,
    createml,
    cvat,
    dump,
    labelme,
    parquet,
    pictures,
    supervisely,
    table,
    voc,
    yolo,
)
from tests.transforms.sources.formats.scenes import HEIGHT, LABELS, SCENES, WIDTH, Scene, encode

CORNERS = {"boxes.frame": "edges", "boxes.form": "xyxy"}
NAMES = {"train": "train", "val": "valid", "test": "test"}


def rf(scene: Scene) -> str:
    """The name that Roboflow gives a picture: the extension in it, and a hash."""
    return f"{scene.stem}_png.rf.{sum(map(ord, scene.stem)):032x}"


def of_split(split: str) -> list[Scene]:
    return [scene for scene in SCENES if scene.split == split]


def roboflow() -> Iterable[Layout]:
    beside = {f"{NAMES[s.split]}/{rf(s)}.jpg": s.jpg() for s in SCENES}
    readme = {
        "README.roboflow.txt": b"cells - v1\n==\n\nThis dataset was exported via roboflow.com\n",
        "README.dataset.txt": b"# cells > raw\n\nProvided by a user\nLicense: CC BY 4.0\n",
    }
    text = (
        b"train: ../train/images\nval: ../valid/images\ntest: ../test/images\n\nnc: 3\n"
        b"names: ['rbc', 'wbc', 'platelet']\n\nroboflow:\n  workspace: x\n  project: cells\n  license: CC BY 4.0\n"
    )
    files = {f"{NAMES[s.split]}/labels/{rf(s)}.txt": yolo(s) for s in SCENES}
    shots = {f"{NAMES[s.split]}/images/{rf(s)}.jpg": s.jpg() for s in SCENES}
    yield Layout("roboflow yolov8", {**files, **shots, **readme, "data.yaml": text})
    mixed = {f"{NAMES[s.split]}/labels/{rf(s)}.txt": yolo(s, "polygon") for s in SCENES}
    yield Layout(
        "roboflow yolov8 outlines", {**mixed, **shots, **readme, "data.yaml": text}, {"shapes.outline": "polygon"}
    )
    turned = {
        f"{NAMES[s.split]}/labelTxt/{rf(s)}.txt": "\n".join(
            " ".join([*(f"{v:.1f}" for c in t.corners for v in c), t.label, "0"]) for t in s.things
        ).encode()
        for s in SCENES
    }
    yield Layout("roboflow yolov5 oriented", {**turned, **shots, **readme, "data.yaml": text})
    darknet = {f"{NAMES[s.split]}/{rf(s)}.txt": yolo(s) for s in SCENES}
    darknet |= {f"{name}/_darknet.labels": "\n".join(LABELS).encode() for name in NAMES.values()}
    yield Layout("roboflow darknet", {**darknet, **beside, **readme})
    held = {
        f"{NAMES[split]}/_annotations.coco.json": dump(coco(of_split(split), "polygon", lambda s: f"{rf(s)}.jpg"))
        for split in NAMES
    }
    yield Layout("roboflow coco outlines", {**held, **beside, **readme})
    held = {
        f"{NAMES[s.split]}/{rf(s)}.xml": voc(s, 0, 0).replace(f"{s.stem}.png".encode(), f"{rf(s)}.jpg".encode())
        for s in SCENES
    }
    yield Layout("roboflow voc", {**held, **beside, **readme})
    header = ["filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax"]
    held = {
        f"{NAMES[split]}/_annotations.csv": table(
            header, [[f"{rf(s)}.jpg", WIDTH, HEIGHT, t.label, *t.box] for s in of_split(split) for t in s.things]
        )
        for split in ("train", "val")
    }
    yield Layout("roboflow tensorflow csv", {**held, **beside, **readme}, {"boxes.frame": "edges"})
    held = {
        f"{NAMES[split]}/_annotations.csv": "\n".join(
            ",".join(map(str, [f"{rf(s)}.jpg", *t.box, t.label])) for s in of_split(split) for t in s.things
        ).encode()
        for split in ("train", "val")
    }
    held |= {f"{name}/_classes.csv": b"rbc,0\nwbc,1\nplatelet,2\n" for name in NAMES.values()}
    fields = {"image": "1", "x1": "2", "y1": "3", "x2": "4", "y2": "5", "label": "6"}
    yield Layout("roboflow retinanet csv", {**held, **beside, **readme}, {"fields": fields, **CORNERS})
    held = {
        f"{NAMES[split]}/_annotations.txt": "\n".join(
            " ".join([f"{rf(s)}.jpg", *(",".join(map(str, [*t.box, LABELS.index(t.label)])) for t in s.things)])
            for s in of_split(split)
        ).encode()
        for split in NAMES
    }
    held |= {f"{name}/_classes.txt": "\n".join(LABELS).encode() for name in NAMES.values()}
    yield Layout("roboflow yolov4 pytorch", {**held, **beside, **readme}, {"boxes.frame": "edges"})
    held = {f"{NAMES[s.split]}/{rf(s)}_mask.png": encode(classes(s)) for s in SCENES}
    held |= {
        f"{name}/_classes.csv": b"Pixel Value, Class\n0, background\n1, rbc\n2, wbc\n3, platelet\n"
        for name in NAMES.values()
    }
    yield Layout(
        "roboflow png masks",
        {**held, **beside, **readme},
        {"masks.kind": "classes", "masks.object": "component", "masks.values": VALUES},
    )
    held = {
        f"{NAMES[split]}/_classes.csv": table(
            ["filename", " rbc", " wbc", " platelet"],
            [[f"{rf(s)}.jpg", *(int(any(t.label == n for t in s.things)) for n in LABELS)] for s in of_split(split)],
        )
        for split in NAMES
    }
    yield Layout("roboflow multi-label csv", {**held, **beside, **readme}, refused="not_read_table")
    for name, prefix in (("paligemma", "prefix"), ("florence", "prefix")):
        lines = [
            json.dumps(
                {
                    "image": f"{rf(s)}.jpg",
                    prefix: "detect rbc ; wbc ; platelet",
                    "suffix": " ; ".join(
                        "".join(
                            f"<loc{int(v):04d}>"
                            for v in (
                                t.y1 * 1024 / HEIGHT,
                                t.x1 * 1024 / WIDTH,
                                t.y2 * 1023 / HEIGHT,
                                t.x2 * 1023 / WIDTH,
                            )
                        )
                        + f" {t.label}"
                        for t in s.things
                    ),
                }
            )
            for s in SCENES
        ]
        yield Layout(
            f"roboflow {name}",
            {
                "dataset/_annotations.train.jsonl": "\n".join(lines).encode(),
                **pictures(lambda s: f"dataset/{rf(s)}.jpg"),
            },
            refused="not_read_dialogues",
        )
    yield Layout(
        "roboflow createml",
        {"train/_annotations.createml.json": createml(), **pictures(lambda s: f"train/{s.stem}.png")},
        {"boxes.form": "cxcywh"},
    )
    folders = {f"{NAMES[s.split]}/{'ill' if s.things else 'well'}/{rf(s)}.jpg": s.jpg() for s in SCENES}
    yield Layout("roboflow folders", {**folders, **readme}, refused="pictures_alone")


def platforms() -> Iterable[Layout]:
    """Darwin V7, Labelbox, Encord-like, Scale-like, QuPath, ImageScope, ASAP, VIA 3, Dataloop, Hasty, SuperAnnotate."""
    shots = pictures()
    darwin = {
        f"annotations/{s.stem}.json": dump(
            {
                "version": "2.0",
                "schema_ref": "https://darwin-public.s3.eu-west-1.amazonaws.com/darwin_json/2.0/schema.json",
                "item": {
                    "name": f"{s.stem}.png",
                    "path": "/",
                    "source_info": {"item_id": "018", "dataset": {"name": "cells"}},
                    "slots": [
                        {
                            "type": "image",
                            "slot_name": "0",
                            "width": WIDTH,
                            "height": HEIGHT,
                            "source_files": [{"file_name": f"{s.stem}.png", "url": "https://darwin.v7labs.com/x"}],
                        }
                    ],
                },
                "annotations": [
                    {
                        "id": f"{n}",
                        "name": t.label,
                        "slot_names": ["0"],
                        "ranges": [],
                        "properties": [],
                        "bounding_box": {"x": t.x1, "y": t.y1, "w": t.x2 - t.x1, "h": t.y2 - t.y1},
                        "polygon": {"paths": [[{"x": x, "y": y} for x, y in t.corners]]},
                    }
                    for n, t in enumerate(s.things)
                ],
            }
        )
        for s in SCENES
    }
    yield Layout("darwin 2", {**darwin, **shots})
    labelbox = [
        json.dumps(
            {
                "data_row": {"id": "clx", "external_id": f"{s.stem}.png", "row_data": f"https://x/{s.stem}.png"},
                "media_attributes": {"height": HEIGHT, "width": WIDTH, "mime_type": "image/png"},
                "projects": {
                    "cl0": {
                        "name": "cells",
                        "labels": [
                            {
                                "label_kind": "Default",
                                "version": "1.0.0",
                                "id": "c",
                                "annotations": {
                                    "objects": [
                                        {
                                            "feature_id": "f",
                                            "name": t.label,
                                            "annotation_kind": "ImageBoundingBox",
                                            "classifications": [],
                                            "bounding_box": {
                                                "top": t.y1,
                                                "left": t.x1,
                                                "height": t.y2 - t.y1,
                                                "width": t.x2 - t.x1,
                                            },
                                        }
                                        for t in s.things
                                    ],
                                    "classifications": [],
                                    "relationships": [],
                                },
                            }
                        ],
                    }
                },
            }
        )
        for s in SCENES
    ]
    yield Layout("labelbox ndjson", {"export.ndjson": "\n".join(labelbox).encode(), **shots})
    scope = {f"MoNuSeg/Annotations/{s.stem}.xml": image_scope(s) for s in SCENES}
    yield Layout(
        "monuseg", {**scope, **pictures(lambda s: f"MoNuSeg/Tissue Images/{s.stem}.png")}, {"label": "cell"}, CELLS
    )
    asap = {f"{s.stem}.xml": asap_xml(s) for s in SCENES}
    yield Layout("asap", {**{f"x/{k}": v for k, v in asap.items()}, **shots})
    qupath = {f"{s.stem}.geojson": geojson(s) for s in SCENES}
    yield Layout("qupath geojson", {**{f"gt/{k}": v for k, v in qupath.items()}, **shots})
    features = {f"gt/{s.stem}.json": dump(json.loads(geojson(s))["features"]) for s in SCENES}
    yield Layout("qupath list of features (HuBMAP)", {**features, **shots})
    v3 = {
        "project": {"pid": "x", "pname": "cells"},
        "config": {},
        "attribute": {
            "1": {
                "aname": "label",
                "anchor_id": "FILE1_Z0_XY1",
                "type": 3,
                "options": {str(n): name for n, name in enumerate(LABELS)},
                "default_option_id": "",
            }
        },
        "file": {
            str(n): {"fid": n, "fname": f"{s.stem}.png", "type": 2, "loc": 1, "src": ""}
            for n, s in enumerate(SCENES, 1)
        },
        "view": {str(n): {"fid_list": [n]} for n, _ in enumerate(SCENES, 1)},
        "metadata": {
            f"{n}_{at}": {
                "vid": str(n),
                "flg": 0,
                "z": [],
                "xy": [2, t.x1, t.y1, t.x2 - t.x1, t.y2 - t.y1],
                "av": {"1": str(LABELS.index(t.label))},
            }
            for n, s in enumerate(SCENES, 1)
            for at, t in enumerate(s.things)
        },
    }
    yield Layout("via 3 project", {"via_project.json": dump(v3), **shots})
    header = [
        "filename",
        "file_size",
        "file_attributes",
        "region_count",
        "region_id",
        "region_shape_attributes",
        "region_attributes",
    ]
    rows = [
        [
            f"{s.stem}.png",
            1,
            "{}",
            len(s.things),
            n,
            json.dumps(
                {
                    "name": "polygon",
                    "all_points_x": [c[0] for c in t.corners],
                    "all_points_y": [c[1] for c in t.corners],
                }
            ),
            json.dumps({"cell": t.label}),
        ]
        for s in SCENES
        for n, t in enumerate(s.things)
    ]
    yield Layout("via 2 csv polygons", {"via_region_data.csv": table(header, rows), **shots})
    superannotate = [
        {
            "metadata": {"name": f"{s.stem}.png", "width": WIDTH, "height": HEIGHT, "status": "Completed"},
            "comments": [],
            "tags": [],
            "instances": [
                {
                    "type": "bbox",
                    "classId": 1,
                    "className": t.label,
                    "probability": 100,
                    "attributes": [],
                    "points": {"x1": t.x1, "y1": t.y1, "x2": t.x2, "y2": t.y2},
                }
                for t in s.things
            ],
        }
        for s in SCENES
    ]
    held = {f"{s.stem}.png.json": dump(one) for s, one in zip(SCENES, superannotate, strict=True)}
    yield Layout("superannotate", {**{f"a/{k}": v for k, v in held.items()}, **shots}, {"boxes.frame": "edges"})
    inner = {f"ds/ann/{s.stem}.png.json": supervisely_polygons(s) for s in SCENES}
    meta = {
        "meta.json": dump(
            {"classes": [{"title": name, "shape": "polygon", "color": "#ff0000"} for name in LABELS], "tags": []}
        )
    }
    yield Layout("supervisely polygons", {**inner, **meta, **pictures(lambda s: f"ds/img/{s.stem}.png")}, exact=False)
    xml = cvat("box").decode().replace("<image ", '<image subset="train" task_id="1" ')
    mixed = xml.replace('occluded="0"', 'source="manual" track_id="1" occluded="0"')
    yield Layout("cvat images with subset and track ids", {"annotations.xml": mixed.encode(), **shots})
    embedded = {
        f"json/{s.stem}.json": labelme(s, "polygon").replace(
            b'"imageData": null', b'"imageData": "' + base64.b64encode(s.png()) + b'"'
        )
        for s in SCENES
    }
    yield Layout("labelme with imageData, pictures there", {**embedded, **shots})
    studio = coco(SCENES, path=lambda s: f"..\\..\\..\\label-studio\\media\\upload\\1\\0a1b2c3d-{s.stem}.png")
    yield Layout(
        "coco of label studio", {"result.json": dump(studio), **pictures(lambda s: f"images/0a1b2c3d-{s.stem}.png")}
    )
    minimal = [
        {
            "image": f"/data/upload/1/0a1b2c3d-{s.stem}.png",
            "id": n,
            "label": [
                {
                    "x": 100 * t.x1 / WIDTH,
                    "y": 100 * t.y1 / HEIGHT,
                    "width": 100 * (t.x2 - t.x1) / WIDTH,
                    "height": 100 * (t.y2 - t.y1) / HEIGHT,
                    "rotation": 0,
                    "rectanglelabels": [t.label],
                    "original_width": WIDTH,
                    "original_height": HEIGHT,
                }
                for t in s.things
            ],
            "annotator": 1,
            "annotation_id": n,
        }
        for n, s in enumerate(SCENES)
    ]
    yield Layout("label studio json-min", {"min.json": dump(minimal), **shots})
    csv_rows = [
        [n, f"/data/upload/1/0a1b2c3d-{s.stem}.png", json.dumps(m["label"])]
        for n, (s, m) in enumerate(zip(SCENES, minimal, strict=True))
    ]
    yield Layout(
        "label studio csv", {"p.csv": table(["id", "image", "label"], csv_rows), **shots}, refused="not_read_table"
    )


def image_scope(scene: Scene) -> bytes:
    regions = "".join(
        f'<Region Id="{n}" Type="0" Zoom="0.4" Selected="0" Text="" NegativeROA="0"><Attributes/><Vertices>'
        + "".join(f'<Vertex X="{x}.0" Y="{y}.0" Z="0"/>' for x, y in t.corners)
        + "</Vertices></Region>"
        for n, t in enumerate(scene.things, 1)
    )
    return (
        '<Annotations MicronsPerPixel="0.252000"><Annotation Id="1" Name="" ReadOnly="0" Type="4" Visible="1">'
        '<Attributes><Attribute Name="Description" Id="0" Value=""/></Attributes><Regions><RegionAttributeHeaders/>'
        f"{regions}</Regions><Plots/></Annotation></Annotations>"
    ).encode()


def asap_xml(scene: Scene) -> bytes:
    shapes = "".join(
        f'<Annotation Name="Annotation {n}" Type="Polygon" PartOfGroup="{t.label}" Color="#F4FA58"><Coordinates>'
        + "".join(f'<Coordinate Order="{at}" X="{x}" Y="{y}"/>' for at, (x, y) in enumerate(t.corners))
        + "</Coordinates></Annotation>"
        for n, t in enumerate(scene.things)
    )
    groups = "".join(f'<Group Name="{name}" PartOfGroup="None" Color="#000000"/>' for name in LABELS)
    body = f"<Annotations>{shapes}</Annotations><AnnotationGroups>{groups}</AnnotationGroups>"
    return f'<?xml version="1.0"?><ASAP_Annotations>{body}</ASAP_Annotations>'.encode()


def geojson(scene: Scene) -> bytes:
    return dump(
        {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "id": f"{n}",
                    "geometry": {
                        "type": "Polygon",
                        "coordinates": [[[float(x), float(y)] for x, y in [*t.corners, t.corners[0]]]],
                    },
                    "properties": {
                        "objectType": "annotation",
                        "classification": {"name": t.label, "color": [200, 0, 0]},
                    },
                }
                for n, t in enumerate(scene.things)
            ],
        }
    )


def supervisely_polygons(scene: Scene) -> bytes:
    held = json.loads(supervisely(scene, "rectangle"))
    for entry, t in zip(held["objects"], scene.things, strict=True):
        entry |= {
            "geometryType": "polygon",
            "points": {
                "exterior": [[x, y] for x, y in t.corners],
                "interior": [[[t.x1 + 2, t.y1 + 2], [t.x1 + 4, t.y1 + 2], [t.x1 + 4, t.y1 + 4]]],
            },
        }
    return dump(held)


def hubs() -> Iterable[Layout]:
    """Parquet and folders of the Hub in further shapes."""
    rows = [
        {
            "image_id": n,
            "image": {"bytes": s.jpg(), "path": None},
            "width": WIDTH,
            "height": HEIGHT,
            "objects": {
                "id": list(range(len(s.things))),
                "area": [(t.x2 - t.x1) * (t.y2 - t.y1) for t in s.things],
                "bbox": [[float(t.x1), t.y1, t.x2 - t.x1, t.y2 - t.y1] for t in s.things],
                "category": [LABELS.index(t.label) for t in s.things],
            },
        }
        for n, s in enumerate(SCENES)
    ]
    held = {
        "data/train-00000-of-00001.parquet": parquet(pa.Table.from_pylist(rows)),
        "README.md": b"---\nlicense: mit\n---\n# cells\n",
    }
    yield Layout("cppe-5, names in no file", held, {"boxes.form": "xywh", "classes": list(LABELS)})
    listed = [
        {
            "image": {"bytes": s.png(), "path": f"{s.stem}.png"},
            "objects": [
                {"bbox": [float(t.x1), float(t.y1), float(t.x2), float(t.y2)], "label": t.label} for t in s.things
            ],
        }
        for s in SCENES
    ]
    yield Layout("parquet, a list of structs", {"data/train-0.parquet": parquet(pa.Table.from_pylist(listed))}, CORNERS)
    lines: Files = {}
    for split in NAMES:
        held_lines = [
            json.dumps(
                {
                    "file_name": f"{s.stem}.png",
                    "objects": {
                        "bbox": [[t.x1, t.y1, t.x2 - t.x1, t.y2 - t.y1] for t in s.things],
                        "category": [t.label for t in s.things],
                    },
                }
            )
            for s in of_split(split)
        ]
        lines[f"{split}/metadata.jsonl"] = "\n".join(held_lines).encode()
    yield Layout(
        "imagefolder by split", {**lines, **pictures(lambda s: f"{s.split}/{s.stem}.png")}, {"boxes.form": "xywh"}
    )
    plain = [{"image": {"bytes": s.png(), "path": f"{s.stem}.png"}, "label": 1} for s in SCENES]
    yield Layout(
        "parquet of whole pictures",
        {"data/train-0.parquet": parquet(pa.Table.from_pylist(plain))},
        refused="not_read_parquet",
    )
    masks = [
        {
            "image": {"bytes": s.png(), "path": f"{s.stem}.png"},
            "mask": {"bytes": encode(union(s)), "path": None},
            "name": "x",
        }
        for s in SCENES
    ]
    yield Layout(
        "parquet with masks and text",
        {"data/train-0.parquet": parquet(pa.Table.from_pylist(masks))},
        {"masks.label": "cell", "masks.object": "component"},
        CELLS,
    )


def sequences() -> Iterable[Layout]:
    """MOT of several sequences, YOLO with folders, DAVIS."""
    files: Files = {}
    for n, part in enumerate((SCENES[:3], SCENES[3:])):
        place = f"MOT17/train/MOT17-0{n}-FRCNN"
        rows = [
            f"{at},{k},{t.x1 + 1},{t.y1 + 1},{t.x2 - t.x1},{t.y2 - t.y1},1,1,1.0"
            for at, s in enumerate(part, 1)
            for k, t in enumerate(s.things, 1)
        ]
        files |= {f"{place}/img1/{at:06d}.jpg": s.jpg() for at, s in enumerate(part, 1)}
        files[f"{place}/gt/gt.txt"] = "\n".join(rows).encode()
        files[f"{place}/det/det.txt"] = b"1,-1,10,10,20,20,0.9\n2,-1,10,10,20,20,0.8\n"
        files[f"{place}/seqinfo.ini"] = (
            f"[Sequence]\nname=MOT17-0{n}\nimDir=img1\nframeRate=30\nseqLength={len(part)}\nimWidth={WIDTH}\nimHeight={HEIGHT}\nimExt=.jpg\n".encode()
        )
    yield Layout("mot17", files, {"boxes.frame": "inclusive-1", "label": "cell"}, CELLS)
    nested = {f"labels/{s.split}/site{n % 2}/{s.stem}.txt": yolo(s) for n, s in enumerate(SCENES)}
    shots = {f"images/{s.split}/site{n % 2}/{s.stem}.png": s.png() for n, s in enumerate(SCENES)}
    sites: Files = {**nested, **shots, "data.yaml": dump({"names": list(LABELS)})}
    yield Layout("yolo, folders of sites", sites, {"groups.group": "{folder}"})
    davis: Files = {}
    for n, s in enumerate(SCENES):
        drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
        for at, t in enumerate(s.things, 1):
            drawn[t.mask() > 0] = at
        davis[f"JPEGImages/480p/bear/{n:05d}.jpg"] = s.jpg()
        davis[f"Annotations/480p/bear/{n:05d}.png"] = encode(
            drawn, palette=[0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0] + [0] * 756
        )
    yield Layout("davis", davis, {"masks.kind": "instances", "masks.label": "cell"}, CELLS)


def export_layouts() -> list[Layout]:
    return [layout for make in (roboflow, platforms, hubs, sequences) for layout in make()]
