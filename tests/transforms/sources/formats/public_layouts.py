"""Layouts of further public data sets, as they are downloaded, by an independent writer."""

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.transforms.sources.formats.dataset_layouts import (
    CELL,
    CELLS,
    classes,
    npy,
    npz,
    numbered,
    tiff,
    union,
)
from tests.transforms.sources.formats.layouts import Files, Layout, coco, dump, pictures, table, voc, yolo
from tests.transforms.sources.formats.scenes import HEIGHT, LABELS, SCENES, WIDTH, Scene, Thing, encode

CORNERS = {"boxes.frame": "edges", "boxes.form": "xyxy"}


def box_rows() -> list[tuple[Scene, Thing]]:
    return [(scene, thing) for scene in SCENES for thing in scene.things]


def chests() -> Iterable[Layout]:
    """Tables of chest radiographs and CTs: RSNA, VinDr, NIH, DeepLesion, SIIM."""
    shots = pictures(lambda s: f"train/{s.stem}.png")
    rows = [[s.stem, t.x1, t.y1, t.x2 - t.x1, t.y2 - t.y1, 1] for s, t in box_rows()]
    rows += [[s.stem, "", "", "", "", 0] for s in SCENES if not s.things]
    rsna = {
        "stage_2_train_labels.csv": table(["patientId", "x", "y", "width", "height", "Target"], rows),
        "stage_2_detailed_class_info.csv": table(
            ["patientId", "class"], [[s.stem, "Lung Opacity" if s.things else "Normal"] for s in SCENES]
        ),
    }
    yield Layout("rsna with class info", {**rsna, **shots}, {"label": "cell"}, CELLS)
    header = ["image_id", "class_name", "class_id", "rad_id", "x_min", "y_min", "x_max", "y_max"]
    readings = [
        [s.stem, t.label, LABELS.index(t.label), f"R{who}", t.x1 + who % 2, t.y1, t.x2 + who % 2, t.y2]
        for s, t in box_rows()
        for who in (8, 9, 10)
    ]
    readings += [
        [s.stem, "No finding", 14, f"R{who}", "", "", "", ""] for s in SCENES if not s.things for who in (1, 2)
    ]
    yield Layout("vindr-cxr, three readers", {"train.csv": table(header, readings), **shots}, {"annotators": "first"})
    nih = [
        [f"{s.stem}.png", t.label, f"{t.x1}.0", f"{t.y1}.0", f"{t.x2 - t.x1}.0", f"{t.y2 - t.y1}.0", "", "", ""]
        for s, t in box_rows()
    ]
    names = ["Image Index", "Finding Label", "Bbox [x", "y", "w", "h]", "", "", ""]
    everyone = [
        [f"{s.stem}.png", "No Finding", at, 1, "058Y", "M", "PA", 2682, 2749, 0.143, 0.143, ""]
        for at, s in enumerate(SCENES)
    ]
    entry = [
        "Image Index",
        "Finding Labels",
        "Follow-up #",
        "Patient ID",
        "Patient Age",
        "Patient Gender",
        "View Position",
        "OriginalImage[Width",
        "Height]",
        "OriginalImagePixelSpacing[x",
        "y]",
        "",
    ]
    files = {"BBox_List_2017.csv": table(names, nih), "Data_Entry_2017.csv": table(entry, everyone)}
    yield Layout("nih chest x-ray 14", {**files, **pictures(lambda s: f"images/{s.stem}.png")})
    lesion = [
        [
            f"00{at}_01_01_{s.stem[-3:]}.png",
            at,
            1,
            1,
            int(s.stem[-3:]),
            "233.5, 95.0, 234.9, 106.6",
            f"{t.x1}, {t.y1}, {t.x2}, {t.y2}",
            "10.2, 3.2",
            "0.4, 0.3, 0.5",
            LABELS.index(t.label) + 1,
            0,
            "103, 115",
            "0.8, 0.8, 5",
            "512, 512",
            "-175, 275",
            "F",
            62,
            3,
        ]
        for at, s in enumerate(SCENES)
        for t in s.things
    ]
    header = [
        "File_name",
        "Patient_index",
        "Study_index",
        "Series_ID",
        "Key_slice_index",
        "Measurement_coordinates",
        "Bounding_boxes",
        "Lesion_diameters_Pixel_",
        "Normalized_lesion_location",
        "Coarse_lesion_type",
        "Possibly_noisy",
        "Slice_range",
        "Spacing_mm_px_",
        "Image_size",
        "DICOM_windows",
        "Patient_gender",
        "Patient_age",
        "Train_Val_Test",
    ]
    held = {f"Images_png/00{at}_01_01/{s.stem[-3:]}.png": s.png() for at, s in enumerate(SCENES)}
    flat = {f"Key_slices/00{at}_01_01_{s.stem[-3:]}.png": s.png() for at, s in enumerate(SCENES)}
    answers = {"fields.label": "Coarse_lesion_type", "classes": ["", *LABELS], **CORNERS}
    yield Layout("deeplesion, key slices", {"DL_info.csv": table(header, lesion), **flat}, answers)
    yield Layout("deeplesion, folders of slices", {"DL_info.csv": table(header, lesion), **held}, answers)
    siim = [[s.stem, relative_runs(t)] for s, t in box_rows()] + [[s.stem, " -1"] for s in SCENES if not s.things]
    relative = {"train-rle.csv": table(["ImageId", " EncodedPixels"], siim)}
    yield Layout("siim, relative run lengths", {**relative, **shots}, {"label": "cell", "masks.object": "file"}, CELLS)


def relative_runs(t: Thing) -> str:
    """Each start counts from the end of the run before, down the columns from 0."""
    flat = np.flatnonzero(t.mask().T.ravel())
    starts = flat[np.insert(np.diff(flat) > 1, 0, True)]
    ends = flat[np.append(np.diff(flat) > 1, True)] + 1
    found, last = [], 0
    for a, b in zip(starts, ends, strict=True):
        found += [a - last, b - a]
        last = b
    return " ".join(map(str, found))


def row_runs(t: Thing, first: int = 1) -> str:
    flat = np.flatnonzero(t.mask().ravel())
    starts = flat[np.insert(np.diff(flat) > 1, 0, True)]
    ends = flat[np.append(np.diff(flat) > 1, True)] + 1
    return " ".join(f"{a + first} {b - a}" for a, b in zip(starts, ends, strict=True))


def kaggle() -> Iterable[Layout]:
    """UW-Madison, Sartorius, HuBMAP, BBBC041, global tables."""
    sartorius = [[s.stem, row_runs(t), WIDTH, HEIGHT, t.label] for s, t in box_rows()]
    files = {"train.csv": table(["id", "annotation", "width", "height", "cell_type"], sartorius)}
    answers = {"masks.runs": "rows-1", "masks.object": "file", "fields.runs": "annotation", "fields.label": "cell_type"}
    yield Layout("sartorius", {**files, **pictures(lambda s: f"train/{s.stem}.png")}, answers)
    gi: list[list[Any]] = []
    shots = {}
    for at, scene in enumerate(SCENES):
        case = f"case{at}"
        shots[f"train/{case}/{case}_day20/scans/slice_{at:04d}_{WIDTH}_{HEIGHT}_1.50_1.50.png"] = scene.png()
        for label in LABELS:
            mask = union(scene, label)
            gi.append([f"{case}_day20_slice_{at:04d}", label, mask_runs(mask) if mask.any() else ""])
    yield Layout(
        "uw-madison",
        {"train.csv": table(["id", "class", "segmentation"], gi), **shots},
        asked="masks.runs",
    )
    hubmap = [
        json.dumps(
            {
                "id": s.stem,
                "annotations": [
                    {"type": t.label, "coordinates": [[list(c) for c in [*t.corners, t.corners[0]]]]} for t in s.things
                ],
            }
        )
        for s in SCENES
    ]
    yield Layout(
        "hubmap vasculature",
        {"polygons.jsonl": "\n".join(hubmap).encode(), **pictures(lambda s: f"train/{s.stem}.tif")},
    )
    malaria = [
        {
            "image": {
                "checksum": "0",
                "pathname": f"/images/{s.stem}.png",
                "shape": {"r": HEIGHT, "c": WIDTH, "channels": 3},
            },
            "objects": [
                {
                    "bounding_box": {"minimum": {"r": t.y1, "c": t.x1}, "maximum": {"r": t.y2, "c": t.x2}},
                    "category": t.label,
                }
                for t in s.things
            ],
        }
        for s in SCENES
    ]
    yield Layout(
        "bbbc041 malaria",
        {"malaria/training.json": dump(malaria), **pictures(lambda s: f"malaria/images/{s.stem}.png")},
        {
            "fields": {
                "image": "image.pathname",
                "objects": "objects",
                "label": "category",
                "x1": "bounding_box.minimum.c",
                "y1": "bounding_box.minimum.r",
                "x2": "bounding_box.maximum.c",
                "y2": "bounding_box.maximum.r",
            },
            **CORNERS,
        },
    )
    header = [
        "study_id",
        "series_id",
        "image_id",
        "laterality",
        "view_position",
        "height",
        "width",
        "breast_birads",
        "finding_categories",
        "finding_birads",
        "xmin",
        "ymin",
        "xmax",
        "ymax",
        "split",
    ]
    mammo = [
        [
            "st",
            "se",
            s.stem,
            "L",
            "CC",
            HEIGHT,
            WIDTH,
            "BI-RADS 4",
            f"['{t.label}']",
            "BI-RADS 4",
            t.x1 + 0.25,
            t.y1,
            t.x2,
            t.y2,
            "training",
        ]
        for s, t in box_rows()
    ]
    mammo += [
        ["st", "se", s.stem, "L", "CC", HEIGHT, WIDTH, "BI-RADS 1", "['No Finding']", "", "", "", "", "", "test"]
        for s in SCENES
        if not s.things
    ]
    named = {f"['{name}']": name for name in LABELS}
    yield Layout(
        "vindr-mammo",
        {"finding_annotations.csv": table(header, mammo), **pictures(lambda s: f"images/st/{s.stem}.png")},
        {"labels": named, "fields.label": "finding_categories"},
        exact=False,
    )
    chords = [[f"{s.stem}.png", t.x1, t.y1, t.x2, t.y2, 46] for s, t in box_rows() for _ in range(3)]
    chords = [
        [n, x1 + k, y2 if k % 2 else y1, x2, y1 if k % 2 else y2, f] for k, (n, x1, y1, x2, y2, f) in enumerate(chords)
    ]
    yield Layout(
        "echonet, lines that are no boxes",
        {"VolumeTracings.csv": table(["FileName", "X1", "Y1", "X2", "Y2", "Frame"], chords), **pictures()},
        asked="boxes.form",
    )


def mask_runs(mask: NDArray[np.uint8]) -> str:
    flat = np.flatnonzero(mask.ravel())
    starts = flat[np.insert(np.diff(flat) > 1, 0, True)]
    ends = flat[np.append(np.diff(flat) > 1, True)] + 1
    return " ".join(f"{a + 1} {b - a}" for a, b in zip(starts, ends, strict=True))


def odd_masks() -> Iterable[Layout]:
    """REFUGE, DRISHTI, ISIC attributes."""
    refuge: Files = {}
    for s in SCENES:
        drawn = np.full((HEIGHT, WIDTH), 255, np.uint8)
        for t in s.things:
            drawn[t.mask() > 0] = 0 if t.label == "wbc" else 128
        refuge[f"REFUGE/Images/{s.stem}.jpg"], refuge[f"REFUGE/Masks/{s.stem}.bmp"] = s.jpg(), encode(drawn, "BMP")
    yield Layout("refuge, 255 is the background", refuge, asked="masks.values")
    soft: Files = {}
    for s in SCENES:
        drawn = union(s).astype(np.float64) * 0.75
        soft[f"Images/{s.stem}.png"] = s.png()
        soft[f"GT/{s.stem}/SoftMap/{s.stem}_cupsegSoftmap.png"] = encode((blur(drawn)).astype(np.uint8))
    yield Layout("drishti, soft maps", soft, asked="masks.values")
    isic: Files = {}
    for at, s in enumerate(SCENES):
        isic[f"ISIC2018_Task1-2_Training_Input/ISIC_{at:07d}.jpg"] = s.jpg()
        for label in LABELS:
            isic[f"ISIC2018_Task2_Training_GroundTruth_v3/ISIC_{at:07d}_attribute_{label}.png"] = encode(
                union(s, label)
            )
    yield Layout(
        "isic attributes", isic, {"masks.object": "component", "labels": {f"attribute_{n}": n for n in LABELS}}
    )


def folders_of_cases() -> Iterable[Layout]:
    """LGG, GlaS, TNBC, PH2."""
    lgg: Files = {}
    for at, s in enumerate(SCENES):
        case = f"kaggle_3m/TCGA_CS_494{at}_19960909"
        lgg[f"{case}/TCGA_CS_494{at}_19960909_1.tif"] = encode(s.pixels(), "TIFF")
        lgg[f"{case}/TCGA_CS_494{at}_19960909_1_mask.tif"] = encode(union(s), "TIFF")
    lgg["kaggle_3m/data.csv"] = table(
        ["Patient", "RNASeqCluster", "MethylationCluster", "age"], [["TCGA_CS_4941", 2, 4, 55]] * 3
    )
    yield Layout("lgg mri", lgg, CELL, CELLS)
    glas: Files = {}
    for at, s in enumerate(SCENES):
        glas[f"Warwick/train_{at}.bmp"] = encode(s.pixels(), "BMP")
        glas[f"Warwick/train_{at}_anno.bmp"] = encode(numbered(s), "BMP")
    glas["Warwick/Grade.csv"] = table(
        ["name", "patient ID", "grade (GlaS)"], [[f"train_{at}", at, "benign"] for at in range(5)]
    )
    yield Layout("glas", glas, {"masks.kind": "instances", "masks.label": "cell"}, CELLS)
    tnbc: Files = {}
    for at, s in enumerate(SCENES, start=1):
        tnbc[f"Slide_{at:02d}/{at:02d}_1.png"], tnbc[f"GT_{at:02d}/{at:02d}_1.png"] = s.png(), encode(union(s))
    yield Layout("tnbc", tnbc, CELL, CELLS)
    ph2: Files = {}
    for at, s in enumerate(SCENES):
        case = f"IMD{at:03d}"
        ph2[f"{case}/{case}_Dermoscopic_Image/{case}.bmp"] = encode(s.pixels(), "BMP")
        ph2[f"{case}/{case}_lesion/{case}_lesion.bmp"] = encode(union(s), "BMP")
    yield Layout("ph2", ph2, CELL, CELLS)


def masks_of_kinds() -> Iterable[Layout]:
    """CholecSeg8k, Montgomery, S-BSST265."""
    cholec: Files = {}
    colours = np.array([(127, 127, 127), (210, 140, 140), (255, 114, 114), (231, 70, 156)], np.uint8)
    gray = np.array([50, 11, 21, 13], np.uint8)
    for at, s in enumerate(SCENES):
        base = f"video01/video01_00080/frame_{at}_endo"
        cholec[f"{base}.png"] = s.png()
        cholec[f"{base}_color_mask.png"] = encode(colours[classes(s)])
        cholec[f"{base}_mask.png"] = encode(np.dstack([gray[classes(s)]] * 3))
        cholec[f"{base}_watershed_mask.png"] = encode(np.dstack([gray[classes(s)]] * 3))
    answers = {
        "annotations": "video01/video01_00080/{stem}_mask.png",
        "masks.kind": "classes",
        "masks.object": "component",
        "masks.values": {"11": "rbc", "21": "wbc", "13": "platelet"},
        "masks.ignore": ["50"],
    }
    yield Layout("cholecseg8k", cholec, answers)
    sides: Files = {}
    for s in SCENES:
        sides[f"MontgomerySet/CXR_png/{s.stem}.png"] = s.png()
        sides[f"MontgomerySet/ManualMask/leftMask/{s.stem}.png"] = encode(union(s, "wbc"))
        sides[f"MontgomerySet/ManualMask/rightMask/{s.stem}.png"] = encode(union(s, "rbc") | union(s, "platelet"))
    answers = {
        "annotations": "MontgomerySet/ManualMask/{target}/{stem}.png",
        "masks.object": "component",
        "labels": {"leftMask": "left", "rightMask": "right"},
    }
    yield Layout("montgomery", sides, answers, {"left": 3, "right": 6}, exact=False)

    bsst: Files = {}
    for s in SCENES:
        bsst[f"dataset/rawimages/{s.stem}.tif"] = tiff(s.pixels()[..., 0])
        bsst[f"dataset/groundtruth/{s.stem}.tif"] = tiff(numbered(s).astype(np.uint16))
        bsst[f"dataset/visualized_groundtruth/{s.stem}.tif"] = encode(colours[numbered(s) % 4], "TIFF")
    yield Layout(
        "s-bsst265",
        bsst,
        {"annotations": "dataset/groundtruth/{stem}.tif", "masks.kind": "instances", "masks.label": "cell"},
        CELLS,
    )


def affixes() -> Iterable[Layout]:
    """KID, ETIS, Cellpose, NeurIPS CellSeg."""
    for name, picture, mask in (
        ("kid, suffix m", "{}.png", "{}m.png"),
        ("etis, prefix p", "{}.tif", "p{}.tif"),
        ("cellpose", "{:03d}_img.png", "{:03d}_masks.png"),
    ):
        held: Files = {}
        for at, s in enumerate(SCENES, start=1):
            form = "TIFF" if picture.endswith("tif") else "PNG"
            held["d/" + picture.format(at)] = encode(s.pixels(), form)
            held["d/" + mask.format(at)] = encode(
                numbered(s).astype(np.uint16) if name == "cellpose" else union(s), form
            )
        answers: dict[str, Any] = (
            {"masks.kind": "instances", "masks.label": "cell"} if name == "cellpose" else dict(CELL)
        )
        if name.startswith("kid"):
            answers |= {"format": "masks", "images": r"d/{stem:\d+}.png", "annotations": r"d/{stem:\d+}m.png"}
        yield Layout(name, held, answers, CELLS)
    neurips: Files = {}
    for at, s in enumerate(SCENES, start=1):
        neurips[f"Training-labeled/images/cell_{at:05d}.bmp"] = encode(s.pixels(), "BMP")
        neurips[f"Training-labeled/labels/cell_{at:05d}_label.tiff"] = tiff(numbered(s).astype(np.uint16))
    yield Layout("neurips cellseg", neurips, {"masks.kind": "instances", "masks.label": "cell"}, CELLS)


def several_sets() -> Iterable[Layout]:
    """NuInsSeg, COVID-QU-Ex."""
    nuins: Files = {}
    for s in SCENES:
        nuins[f"human bladder/tissue images/{s.stem}.png"] = s.png()
        nuins[f"human bladder/mask binary/{s.stem}.png"] = encode(union(s))
        nuins[f"human bladder/label masks/{s.stem}.tif"] = tiff(numbered(s).astype(np.int32))
        nuins[f"human bladder/distance maps/{s.stem}.png"] = encode(blur(union(s).astype(np.float64)).astype(np.uint8))
    answers = {"annotations": "human bladder/label masks/{stem}.tif", "masks.kind": "instances", "masks.label": "cell"}
    yield Layout("nuinsseg", nuins, answers, CELLS)
    covid: Files = {}
    for s in SCENES:
        place = "Infection Segmentation Data/Train/COVID-19"
        covid[f"{place}/images/{s.stem}.png"] = s.png()
        covid[f"{place}/infection masks/{s.stem}.png"] = encode(union(s, "rbc"))
        covid[f"{place}/lung masks/{s.stem}.png"] = encode(union(s))
    answers = {"annotations": "Infection Segmentation Data/Train/COVID-19/lung masks/{stem}.png", **CELL}
    yield Layout("covid-qu-ex", covid, answers, CELLS)


def blur(values: NDArray[np.float64]) -> NDArray[np.float64]:
    for axis in (0, 1):
        values = (values + np.roll(values, 1, axis) + np.roll(values, -1, axis)) / 3
    return values


def stacks() -> Iterable[Layout]:
    """PanNuke, TissueNet, MedMNIST-like."""
    shape = (len(SCENES), HEIGHT, WIDTH)
    masks = np.zeros((*shape, 4), np.float64)
    for at, s in enumerate(SCENES):
        for n, t in enumerate(s.things, start=1):
            masks[at, ..., LABELS.index(t.label)][t.mask() > 0] = n
        masks[at, ..., 3] = masks[at, ..., :3].sum(-1) == 0
    pixels = np.stack([s.pixels() for s in SCENES]).astype(np.float64)
    pannuke = {
        "Fold 1/images/fold1/images.npy": npy(pixels),
        "Fold 1/masks/fold1/masks.npy": npy(masks),
        "Fold 1/images/fold1/types.npy": npy(np.array(["Breast"] * 5)),
    }
    yield Layout("pannuke", pannuke, refused="not_read_array")
    tissue = np.stack([np.stack([numbered(s), numbered(s)], -1) for s in SCENES]).astype(np.int32)
    yield Layout(
        "tissuenet",
        {
            "tissuenet_v1.1_test.npz": npz(
                X=np.stack([s.pixels()[..., :2] for s in SCENES]).astype(np.float32), y=tissue
            )
        },
        refused="not_read_array",
    )


def texts() -> Iterable[Layout]:
    """LDPolypVideo, SUN, CRIC, Chula, DENTEX, MIDOG."""
    held = {
        f"Annotations/1/{s.stem}.txt": "\n".join(
            [str(len(s.things)), *(f"{t.x1} {t.y1} {t.x2} {t.y2}" for t in s.things)]
        ).encode()
        for s in SCENES
    }
    yield Layout(
        "ldpolypvideo", {**held, **pictures(lambda s: f"Images/1/{s.stem}.jpg")}, {"label": "cell", **CORNERS}, CELLS
    )
    cric = [
        {
            "image_id": at,
            "image_name": f"{s.stem}.png",
            "classifications": [
                {"cell_id": n, "bethesda_system": t.label, "nucleus_x": t.x1, "nucleus_y": t.y1}
                for n, t in enumerate(s.things)
            ],
        }
        for at, s in enumerate(SCENES)
    ]
    yield Layout("cric, points alone", {"classifications.json": dump(cric), **pictures()}, refused="not_read_json")
    chula = {
        f"Label/{s.stem}.txt": "\n".join(f"{t.x1} {t.y1} {LABELS.index(t.label)}" for t in s.things).encode()
        for s in SCENES
    }
    yield Layout(
        "chula, points alone", {**chula, **pictures(lambda s: f"Dataset/{s.stem}.jpg")}, refused="not_read_lines"
    )
    dentex = coco(SCENES)
    for entry in dentex["annotations"]:
        entry |= {"category_id_1": 1, "category_id_2": 2, "category_id_3": entry.pop("category_id") - 1}
    cats = dentex.pop("categories")
    dentex |= {"categories_1": cats, "categories_2": cats, "categories_3": [{**c, "id": c["id"] - 1} for c in cats]}
    yield Layout(
        "dentex",
        {"train_quadrant_enumeration_disease.json": dump(dentex), **pictures(lambda s: f"xrays/{s.stem}.png")},
        answers={"fields.label": "category_id_3"},
    )
    midog = coco(SCENES)
    for entry in midog["annotations"]:
        x, y, w, h = entry["bbox"]
        entry |= {"bbox": [x, y, x + w, y + h], "labelers": [0, 1]}
        del entry["area"], entry["iscrowd"]
    yield Layout(
        "midog", {"MIDOG.json": dump(midog), **pictures(lambda s: f"images/{s.stem}.tiff")}, {"boxes.form": "xyxy"}
    )
    every = {"Annotations/COCO JSON/COCO_fracture_masks.json": dump(coco(SCENES, "polygon"))}
    every |= {f"Annotations/PASCAL VOC/{s.stem}.xml": voc(s, 1, 1) for s in SCENES}
    every |= {f"Annotations/YOLO/{s.stem}.txt": yolo(s) for s in SCENES}
    every |= {
        "dataset.csv": table(["image_id", "hand", "leg", "fractured"], [[f"{s.stem}.jpg", 0, 1, 1] for s in SCENES])
    }
    yield Layout("fracatlas", {**every, **pictures(lambda s: f"images/Fractured/{s.stem}.jpg")}, {"format": "coco"})
    same: Files = {}
    listed = coco(SCENES, path=lambda s: f"{s.stem}/frame.png")
    for s in SCENES:
        same[f"images/{s.stem}/frame.png"] = s.png()
    yield Layout("coco, one name in every folder", {"a.json": dump(listed), **same})
    order = ["filename", "cell_type", "xmin", "xmax", "ymin", "ymax"]
    bccd = [[f"{s.stem}.png", t.label, t.x1, t.x2, t.y1, t.y2] for s, t in box_rows()]
    yield Layout(
        "bccd csv",
        {"test.csv": table(order, bccd), **pictures()},
        {"boxes.frame": "edges", "fields.label": "cell_type"},
    )
    folders = {f"{s.split}/{'benign' if at % 2 else 'malignant'}/{s.stem}.png": s.png() for at, s in enumerate(SCENES)}
    yield Layout("a folder a class", folders, refused="pictures_alone")
    ham = [["HAM_1", f"{s.stem}", "bkl", "histo", 80, "male", "scalp"] for s in SCENES]
    ham_header = ["lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization"]
    yield Layout(
        "a table of whole pictures", {"metadata.csv": table(ham_header, ham), **pictures()}, refused="not_read_table"
    )


MAKERS = (chests, kaggle, odd_masks, folders_of_cases, masks_of_kinds, affixes, several_sets, stacks, texts)


def public_layouts() -> list[Layout]:
    return [layout for make in MAKERS for layout in make()]
