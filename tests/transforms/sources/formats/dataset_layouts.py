"""The layouts of public data sets, as they are downloaded. An independent writer: it imports nothing of the project."""

import io
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image
from scipy import sparse

from tests.transforms.sources.formats.layouts import Files, Layout, coco, dump, pictures, table, voc
from tests.transforms.sources.formats.scenes import COUNTS, HEIGHT, LABELS, SCENES, WIDTH, Scene, Thing, encode

CELLS = {"cell": sum(COUNTS.values())}
CELL = {"masks.label": "cell", "masks.object": "component"}
VALUES = {"1": "rbc", "2": "wbc", "3": "platelet"}


def union(scene: Scene, label: str | None = None) -> NDArray[np.uint8]:
    """All objects of a scene, or those of one label, as 0 and 255."""
    drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
    for thing in scene.things:
        if label in (None, thing.label):
            drawn |= thing.mask() * np.uint8(255)
    return drawn


def numbered(scene: Scene) -> NDArray[np.uint8]:
    drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
    for at, thing in enumerate(scene.things, start=1):
        drawn[thing.mask() > 0] = at
    return drawn


def classes(scene: Scene) -> NDArray[np.uint8]:
    drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
    for thing in scene.things:
        drawn[thing.mask() > 0] = LABELS.index(thing.label) + 1
    return drawn


def with_border(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pascal's masks: the last row of pixels around each object is 255, about which nothing is said."""
    grown = mask.copy()
    for down, right in ((0, 1), (1, 0), (0, -1), (-1, 0)):
        moved = np.roll(mask, (down, right), (0, 1))
        if down:
            moved[0 if down > 0 else -1] = 0
        else:
            moved[:, 0 if right > 0 else -1] = 0
        grown[(mask == 0) & (moved > 0)] = 255
    return grown


def gif(mask: NDArray[np.uint8]) -> bytes:
    return encode(mask, "GIF")


def endoscopy() -> Iterable[Layout]:
    """Polyps: masks, with boxes in a JSON, in text files, or in folders of a centre."""
    masks: Files = {f"Kvasir-SEG/masks/{s.stem}.jpg": jpeg(union(s)) for s in SCENES}
    shots = pictures(lambda s: f"Kvasir-SEG/images/{s.stem}.jpg")
    held = {
        s.stem: {"height": HEIGHT, "width": WIDTH, "bbox": [
            {"label": "polyp", "xmin": t.x1, "ymin": t.y1, "xmax": t.x2, "ymax": t.y2} for t in s.things]}
        for s in SCENES
    }  # fmt: skip
    both = {"Kvasir-SEG/kavsir_bboxes.json": dump(held), **masks, **shots}
    yield Layout("kvasir-seg masks and boxes", both, {}, {"polyp": 9})
    yield Layout(
        "kvasir-seg boxes", {"kavsir_bboxes.json": dump(held), **shots}, {"boxes.frame": "edges"}, {"polyp": 9}
    )
    clinic: Files = {}
    for at, scene in enumerate(SCENES, start=1):
        clinic[f"CVC-ClinicDB/Original/{at}.tif"] = encode(scene.pixels(), "TIFF")
        clinic[f"CVC-ClinicDB/Ground Truth/{at}.tif"] = encode(union(scene), "TIFF")
    yield Layout("cvc-clinicdb", clinic, CELL, CELLS)
    centre: Files = {}
    for scene in SCENES:
        place = "PolypGen/data_C1"
        centre[f"{place}/images_C1/{scene.stem}.jpg"] = scene.jpg()
        centre[f"{place}/masks_C1/{scene.stem}_mask.jpg"] = jpeg(union(scene))
        lines = [f"polyp {t.x1} {t.y1} {t.x2} {t.y2}" for t in scene.things]
        centre[f"{place}/bbox_C1/{scene.stem}.txt"] = "\n".join(lines).encode()
    yield Layout("polypgen masks and boxes", centre, {}, {"polyp": 9})
    boxes = {name: data for name, data in centre.items() if "/masks" not in name}
    yield Layout("polypgen boxes", boxes, {"boxes.frame": "edges", "boxes.form": "xyxy"}, {"polyp": 9})


def jpeg(mask: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def skin_and_eyes() -> Iterable[Layout]:
    """ISIC, DRIVE, CHASE, IDRiD, BUSI."""
    isic: Files = {}
    for at, scene in enumerate(SCENES):
        isic[f"ISIC_Data/ISIC_{at:07d}.jpg"] = scene.jpg()
        isic[f"ISIC_Data/ISIC_{at:07d}_superpixels.png"] = encode(superpixels())
        isic[f"ISIC_GroundTruth/ISIC_{at:07d}_segmentation.png"] = encode(union(scene))
    answers = {"annotations": "ISIC_GroundTruth/{stem}_segmentation.png", **CELL}
    yield Layout("isic", isic, answers, CELLS)
    drive: Files = {}
    for at, scene in enumerate(SCENES, start=21):
        drive[f"DRIVE/training/images/{at}_training.tif"] = encode(scene.pixels(), "TIFF")
        drive[f"DRIVE/training/1st_manual/{at}_manual1.gif"] = gif(union(scene))
        view = np.zeros((HEIGHT, WIDTH), np.uint8)
        view[2:-2, 2:-2] = 255
        drive[f"DRIVE/training/mask/{at}_training_mask.gif"] = gif(view)
    answers = {"annotations": "DRIVE/training/1st_manual/{stem}_manual1.gif", **CELL}
    yield Layout("drive", drive, answers, CELLS)
    chase: Files = {}
    for at, scene in enumerate(SCENES, start=1):
        chase[f"Image_{at:02d}L.jpg"] = scene.jpg()
        for who in ("1st", "2nd"):
            chase[f"Image_{at:02d}L_{who}HO.png"] = encode(union(scene))
    yield Layout("chase, two observers", chase, {"annotations": "{stem}_1stHO.png", **CELL}, CELLS)
    busi: Files = {}
    for at, scene in enumerate(SCENES, start=1):
        busi[f"benign/benign ({at}).png"] = scene.png()
        busi[f"benign/benign ({at})_mask.png"] = encode(union(scene, "rbc") | union(scene, "platelet"))
        if any(t.label == "wbc" for t in scene.things):
            busi[f"benign/benign ({at})_mask_1.png"] = encode(union(scene, "wbc"))
    yield Layout("busi, two masks of some", busi, {"masks.label": "cell", "masks.object": "component"}, CELLS)
    idrid: Files = {}
    for at, scene in enumerate(SCENES, start=1):
        idrid[f"1. Original Images/a. Training Set/IDRiD_{at:02d}.jpg"] = scene.jpg()
        for number, label in enumerate(LABELS, start=1):
            if any(t.label == label for t in scene.things):
                place = f"2. Groundtruths/a. Training Set/{number}. {label}"
                name = f"{place}/IDRiD_{at:02d}_{label[:2].upper()}.tif"
                idrid[name] = encode(union(scene, label), "TIFF")
    names = {"RB": "rbc", "WB": "wbc", "PL": "platelet"}
    answers = {"annotations": "2. Groundtruths/a. Training Set/{folder}/{stem}_{target}.tif", "labels": names}
    yield Layout("idrid", idrid, {"masks.object": "component", **answers})


def superpixels() -> NDArray[np.uint8]:
    """Blocks in colours that number them, as ISIC's superpixels."""
    rows, columns = np.arange(HEIGHT)[:, None] // 10, np.arange(WIDTH)[None] // 10
    blocks = rows * (WIDTH // 10) + columns
    return np.stack([blocks % 256, blocks // 256, blocks * 0], axis=-1).astype(np.uint8)


def arrays_of_pictures() -> Iterable[Layout]:
    """Pictures and masks as arrays of one file."""
    stack = np.stack([s.pixels() for s in SCENES])
    masks = np.stack([(union(s) > 0).astype(np.uint8) for s in SCENES])
    parts = {"train": slice(0, 2), "val": slice(2, 4), "test": slice(4, 5)}
    held: dict[str, Any] = {}
    for split, rows in parts.items():
        held[f"{split}_images"], held[f"{split}_label"] = stack[rows], masks[rows]
    yield Layout(
        "medsegbench", {"cellsmsbench_90.npz": npz(**held)}, {"masks.label": "cell", "masks.object": "component"}, CELLS
    )
    coded = np.stack([classes(s) for s in SCENES])
    named = {f"{split}_label": coded[rows] for split, rows in parts.items()}
    answers = {"masks.kind": "classes", "masks.object": "component", "masks.values": VALUES}
    yield Layout("medsegbench of classes", {"a.npz": npz(**{**held, **named})}, answers)
    files = {"images.npy": npy(stack), "masks.npy": npy(masks)}
    yield Layout("images.npy and masks.npy", files, {"masks.label": "cell", "masks.object": "component"}, CELLS)
    channels: Files = {}
    for scene in SCENES:
        held_masks = np.stack([t.mask().ravel() for t in scene.things] or [np.zeros(HEIGHT * WIDTH, np.uint8)])
        buffer = io.BytesIO()
        sparse.save_npz(buffer, sparse.csr_matrix(held_masks))
        shape = f"({len(held_masks)}, {HEIGHT}, {WIDTH}, 1)"
        channels[f"label/{scene.stem}.{shape}.npz"] = buffer.getvalue()
    yield Layout("sparse channels, shape in the name", {**channels, **pictures(lambda s: f"image/{s.stem}.png")},
                 {"masks.label": "cell"}, CELLS)  # fmt: skip


def npz(**arrays: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def npy(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def microscopy() -> Iterable[Layout]:
    """Cell Tracking Challenge, BBBC, Pascal's class and object masks, pages of a TIFF."""
    tracked: Files = {}
    for at, scene in enumerate(SCENES):
        tracked[f"SIM/01/t{at:03d}.tif"] = encode(scene.pixels(), "TIFF")
        tracked[f"SIM/01_GT/TRA/man_track{at:03d}.tif"] = tiff(numbered(scene).astype(np.uint16))
    tracked["SIM/01_GT/TRA/man_track.txt"] = b"1 0 3 0\n2 0 3 0\n3 0 3 0\n"
    answers = {"masks.kind": "instances", "masks.object": "value", "masks.label": "cell"}
    answers["annotations"] = r"SIM/{sequence:\d+}_GT/TRA/man_track{frame:int}.tif"
    yield Layout("cell tracking, areas of tracks alone", tracked, answers, CELLS)
    bbbc: Files = {}
    for scene in SCENES:
        rgba = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
        rgba[..., 0], rgba[..., 3] = numbered(scene), 255
        bbbc[f"images/{scene.stem}.tif"] = tiff(scene.pixels()[..., 0].astype(np.uint16) * 100)
        bbbc[f"masks/{scene.stem}.png"] = encode(rgba)
    answers = {"masks.kind": "instances", "masks.label": "cell", "intensity.window": "full"}
    yield Layout("bbbc039, numbers in red", bbbc, answers, CELLS)
    for kind in ("Class", "Object"):
        pascal: Files = {f"VOC2012/JPEGImages/{s.stem}.jpg": s.jpg() for s in SCENES}
        for scene in SCENES:
            drawn = with_border(classes(scene) if kind == "Class" else numbered(scene))
            pascal[f"VOC2012/Segmentation{kind}/{scene.stem}.png"] = encode(drawn, palette=pascal_palette())
        if kind == "Class":
            answers = {"masks.object": "component", "masks.values": VALUES, "masks.ignore": ["255"]}
            yield Layout("pascal class masks with borders", pascal, answers)
        else:
            answers = {"masks.kind": "instances", "masks.label": "cell"}
            yield Layout("pascal object masks with borders", pascal, answers, CELLS)
    stack = {"a/stack.tif": tiff(np.stack([s.pixels()[..., 0] for s in SCENES]))}
    stack["a/stack_mask.tif"] = tiff(np.stack([union(s) for s in SCENES]))
    yield Layout("pages of a tiff", stack, CELL, CELLS)


def pascal_palette() -> list[int]:
    colours = []
    for index in range(256):
        r = g = b = 0
        for bit in range(8):
            r |= (index >> 0 & 1) << 7 - bit
            g |= (index >> 1 & 1) << 7 - bit
            b |= (index >> 2 & 1) << 7 - bit
            index >>= 3
        colours += [r, g, b]
    return colours


def tiff(values: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, photometric="minisblack")
    return buffer.getvalue()


def traffic() -> Iterable[Layout]:
    """KITTI, Cityscapes, Open Images, DOTA, COCO's panoptic masks, LIVECell, VOC in nested folders."""
    rows = {s.stem: [f"{t.label} 0.00 0 -1.57 {t.x1}.00 {t.y1}.00 {t.x2}.00 {t.y2}.00 1.6 1.7 4.1 1.0 1.5 8.4 -1.4"
                     for t in s.things] for s in SCENES}  # fmt: skip
    rows[SCENES[0].stem].append("DontCare -1 -1 -10 5.00 70.00 20.00 80.00 -1 -1 -1 -1000 -1000 -1000 -10")
    kitti = {f"training/label_2/{stem}.txt": "\n".join(lines).encode() for stem, lines in rows.items()}
    yield Layout("kitti", {**kitti, **pictures(lambda s: f"training/image_2/{s.stem}.png")})
    city = {
        f"gtFine/train/aachen/{s.stem}_gtFine_polygons.json": dump({"imgHeight": HEIGHT, "imgWidth": WIDTH, "objects": [
            {"label": t.label, "polygon": [list(corner) for corner in t.corners]} for t in s.things]})
        for s in SCENES
    }  # fmt: skip
    yield Layout("cityscapes", {**city, **pictures(lambda s: f"leftImg8bit/train/aachen/{s.stem}_leftImg8bit.png")})
    header = ["ImageID", "Source", "LabelName", "Confidence", "XMin", "XMax", "YMin", "YMax", "IsOccluded",
              "IsTruncated", "IsGroupOf", "IsDepiction", "IsInside"]  # fmt: skip
    codes = {"rbc": "/m/01", "wbc": "/m/02", "platelet": "/m/03"}
    boxes = [[s.stem, "xclick", codes[t.label], 1, t.x1 / WIDTH, t.x2 / WIDTH, t.y1 / HEIGHT, t.y2 / HEIGHT, *[0] * 5]
             for s in SCENES for t in s.things]  # fmt: skip
    crowd = [SCENES[0].stem, "xclick", codes["rbc"], 1, 0.1, 0.9, 0.1, 0.9, 0, 0, 1, 0, 0]
    names = "\n".join(f"{code},{name}" for name, code in codes.items()).encode()
    images = {
        "validation-annotations-bbox.csv": table(header, [*boxes, crowd]),
        "class-descriptions-boxable.csv": names,
    }
    yield Layout("open images", {**images, **pictures(lambda s: f"validation/{s.stem}.jpg")})
    dota = {
        f"labelTxt/{s.stem}.txt": "\n".join(["imagesource:GoogleEarth", "gsd:0.146", *(
            " ".join([*(f"{value:.1f}" for corner in t.corners for value in corner), t.label, "0"]) for t in s.things)
        ]).encode() for s in SCENES
    }  # fmt: skip
    yield Layout("dota", {**dota, **pictures()})
    yield Layout("coco panoptic", {**panoptic(), **pictures()})
    cells = coco(SCENES, "polygon")
    cells["annotations"] = {str(entry["id"]): entry for entry in cells["annotations"]}
    yield Layout("livecell, annotations by id", {"livecell_coco_train.json": dump(cells), **pictures()})
    nested = {f"data/{s.split}/p{at}/{s.stem}.xml": voc(s, 0, 0) for at, s in enumerate(SCENES)}
    shots = {f"data/{s.split}/p{at}/{s.stem}.jpg": s.jpg() for at, s in enumerate(SCENES)}
    yield Layout("voc in nested folders", {**nested, **shots})
    same = {f"p{at}/ann/1.xml": voc(s, 0, 0).replace(s.stem.encode(), b"1") for at, s in enumerate(SCENES)}
    shots = {f"p{at}/img/1.png": s.png() for at, s in enumerate(SCENES)}
    yield Layout("voc of one name in every folder", {**same, **shots})


def panoptic() -> Files:
    """A JSON of segments, and PNGs whose colours are r + 256 g + 65536 b = id."""
    annotations, files = [], {}
    for number, scene in enumerate(SCENES, start=1):
        ids = np.zeros((HEIGHT, WIDTH), np.int64)
        segments = []
        for at, thing in enumerate(scene.things, start=1):
            held = number * 1000 + at
            ids[thing.mask() > 0] = held
            size = [thing.x1, thing.y1, thing.x2 - thing.x1, thing.y2 - thing.y1]
            segments.append({"id": held, "category_id": LABELS.index(thing.label) + 1, "bbox": size,
                             "area": size[2] * size[3], "iscrowd": 0})  # fmt: skip
        colours = np.stack([ids % 256, ids // 256 % 256, ids // 65536], axis=-1).astype(np.uint8)
        files[f"panoptic_train/{scene.stem}.png"] = encode(colours)
        annotations.append({"image_id": number, "file_name": f"{scene.stem}.png", "segments_info": segments})
    images = [
        {"id": at, "file_name": f"{s.stem}.png", "width": WIDTH, "height": HEIGHT} for at, s in enumerate(SCENES, 1)
    ]
    categories = [{"id": at, "name": name, "isthing": 1} for at, name in enumerate(LABELS, start=1)]
    files["panoptic_train.json"] = dump({"images": images, "annotations": annotations, "categories": categories})
    return files


def dataset_layouts() -> list[Layout]:
    makers: tuple[Callable[[], Iterable[Layout]], ...] = (endoscopy, skin_and_eyes, arrays_of_pictures)
    makers += (microscopy, traffic)
    return [layout for make in makers for layout in make()]


def spans(thing: Thing) -> list[int]:
    return [thing.x1, thing.y1, thing.x2, thing.y2]
