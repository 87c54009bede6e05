"""Good rows of every table, from which the tests make bad ones."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from medmultipoints.transforms.columns.tables import load_table, polars_schema

Row = dict[str, Any]


def _sha(i: int) -> str:
    return f"{i:064x}"


def _given(names: str, value: object) -> Row:
    return dict.fromkeys(names.split(), value)


def _annotations(i: int) -> Row:
    box = {"x1": 0.0, "y1": 0.0, "x2": 2.0, "y2": 2.0, "polygons": [[0.0, 0.0, 2.0, 0.0, 2.0, 2.0]], "rle": None}
    names = {"annotation_id": f"a/{i}:0000000", "sample_id": f"a/{i}", "source": "a", "key": f"{i}.xml#0"}
    layer = _given("mask_member mask_kind mask_object mask_min_area_px mask_channel mask_plane mask_grid", None)
    said = {"label": "cell", "evidence": "polygon", "track_id": None, "attributes": None, "mask_labels": None}
    return names | box | layer | said | {"mask_ignore": [], "reading": 0}


def _conventions(i: int) -> Row:
    return {"source": f"s{i}", "dx1": -1.0, "dy1": -1.0, "dx2": 0.0, "dy2": 0.0, "pairs": 9, "explained": 8}


def _corrections(i: int) -> Row:
    decided = {"action": "replace_boxes", "kind": None, "label": "polyps", "boxes": [[0.0, 0.0, 5.0, 5.0]], "masks": []}
    told = {"reason": "r", "reviewer": "A. B.", "date": "2026-11-21", "where": "a.toml, entry 1"}
    about = {"sample_id": f"a/{i}", "image_sha256": _sha(i), "region_ids": [f"a/{i}:mask:polyps:0"], "object_id": None}
    return {"correction_id": f"{i}"} | about | decided | told


def _disagreements(i: int) -> Row:
    boxes = {
        "source_box": [0.0, 1.0, 8.0, 9.0],
        "derived_box": None,
        "iou": 0.5,
        "side_px": None,
        "detail": None,
        "places": None,
    }
    names = {"sample_id": f"a/{i}", "source": "a", "stem": f"{i}", "image_sha256": _sha(i), "label": "polyps"}
    return names | boxes | {"finding_id": f"a/{i}:phantom:0", "kind": "phantom", "severity": "error", "action": "cut"}


def _descriptions(i: int) -> Row:
    names = {"sample_id": f"a/{i}", "image_sha256": _sha(i), "split": "train", "source": "a", "licence": "CC0-1.0"}
    lists = {"parts": ["region"], "sentences": ["There is one polyp."], "verdicts": ["true"], "regions": [["o"]]}
    origin = {"model": "m", "prompt_sha256": _sha(1), "temperature": 0.0}
    return names | lists | {"text": "There is one polyp.", "refused": 1, "acceptance": 0.5} | origin


def _dialect_lines(i: int) -> Row:
    owner = {"record_id": f"{_sha(i)}:polyps", "instruction_id": f"{_sha(i)}:polyps:counting"}
    line = '{"messages":[],"images":[]}'
    return owner | {"line_id": f"swift:{i}", "dialect": "swift", "split": "train", "line": line}


def _duplicates(i: int) -> Row:
    return {"sample_id": f"a/{i}", "kept_id": "a/kept", "kind": "bytes", "same_annotation": True} | {
        "contradicted_labels": []
    }


def _exclusions(i: int) -> Row:
    cause = {"verdict": "dropped", "reason": "below_min_area", "detail": "3 px"}
    return {"exclusion_id": f"derive:{i}", "stage": "derive", "source": "a", "key": f"{i}", "sample_id": None} | cause


def _images(i: int) -> Row:
    size = {"original_width": 1348, "original_height": 1070, "width": 700, "height": 555, "scale": 700 / 1348}
    hashes = _given("image_sha256 stored_sha256 luma_blake3", _sha(i)) | {"perceptual_hash": "0123456789abcdef"}
    facts = {"image_origin": "member", "format": "jpg", "stored_bytes": 9, "mask_off_binary": 8, "annotated": True}
    facts |= {"orientation_done": "removed 6", "colour_model": "rgb"}
    return {"sample_id": f"a/{i}", "source": "a"} | size | hashes | facts


def _instructions(i: int) -> Row:
    image = {"image_sha256": _sha(i), "image_file": f"images/{_sha(i)}.jpg", "split": "train", "source": "a"}
    image |= {"image_files": [f"images/{_sha(i)}.jpg"], "object_ids": []}
    asked = {"classification": "c", "label": "polyps", "task": "counting", "template": 0, "name": "polyp"}
    text = {"prompt": '<image> How many polyps? Answer as {"counts": 2}.', "answer": "2", "answer_rederived": True}
    return {"instruction_id": f"{_sha(i)}:polyps:counting", "record_id": f"{_sha(i)}:polyps"} | image | asked | text


def _picture_facts(i: int) -> Row:
    return {"sample_id": f"a/{i}", "sharpness": 9.5, "glyphs": 0, "marker_share": 0.0}


def _near_distances(i: int) -> Row:
    return {"at_least": i / 100, "pairs": 3, "near": True}


def _near_duplicates(i: int) -> Row:
    sources = {"source": "a", "other_source": "b", "same_source": False, "group_id": "g", "other_group": "h"}
    return {
        "pair_id": f"a/{i}|b/{i}", "sample_id": f"a/{i}", "other_id": f"b/{i}", "hash_distance": 3,
        "distance": 0.01, "evidence": "crop",
    } | sources  # fmt: skip


def _joins(i: int) -> Row:
    proof = {"kind": "same_frame", "apart_s": None, "inliers": 300, "dx": 46, "dy": 22, "correlation": 0.99}
    return {"pair_id": f"same_frame:a/{i}|b/{i}", "sample_id": f"a/{i}", "other_id": f"b/{i}"} | proof


def _readings(i: int) -> Row:
    return {
        "sample_id": f"a/{i}", "layout": "newer", "day": "2015-01-07", "clock_s": 40000, "timer_s": 600, "state": "read"
    }  # fmt: skip


def _redactions(i: int) -> Row:
    file = {"stored_sha256": _sha(i), "stored_bytes": 900, "format": "png", "perceptual_hash": "0" * 16}
    return {"sample_id": f"a/{i}", "kinds": ["date"], "boxes": [[0, 0, 9, 9]], "thumbnail": "text"} | file


def _text_places(i: int) -> Row:
    place = {"kind": "date", "reader": "raster", "box": [2, 3, 90, 20], "found": "07/01/2015"}
    return {"place_id": f"a/{i}:0", "sample_id": f"a/{i}"} | place


def _objects(i: int) -> Row:
    box = {"x1": 0.0, "y1": 0.0, "x2": 2.0, "y2": 2.0, "cx": 1.0, "cy": 1.0, "ix": None, "iy": None}
    names = {"object_id": f"{_sha(i)}:polyps:0", "record_id": f"{_sha(i)}:polyps", "image_sha256": _sha(i)}
    facts = {"split": "train", "label": "polyps", "index": 0, "evidence": "mask", "point_kind": "centroid"}
    facts |= {"sample_id": f"a/{i}", "area_px": 4, "rle": "04", "track_id": None, "truncated": False}
    return names | box | facts | _given("luma roughness ring_luma ring_roughness", 9.5)


def _of_a_model(i: int) -> Row:
    """What the tables of models have in common."""
    return {"sample_id": f"a/{i}", "image_sha256": _sha(i), "model": "small", "model_sha256": _sha(9)}


def _doubts(i: int) -> Row:
    boxes = {"source_box": [0.0, 0.0, 2.0, 2.0], "derived_box": None}
    facts = {"doubt_id": f"{i}:polyps:0", "place": i + 1, "source": "a", "split": "train", "kind": "extra"}
    return (
        _of_a_model(i)
        | boxes
        | facts
        | {"label": "polyps", "object_ids": ["0"]}
        | _given("iou agreement share doubt", 0.5)
    )


def _next_labels(i: int) -> Row:
    names = {"sample_id": f"a/{i}", "image_sha256": _sha(i)}
    return names | {"place": i + 1, "disagreement": 0.5, "distance": 0.25, "models": 2}


def _predictions(i: int) -> Row:
    names = {"prediction_id": f"{_sha(i)}:9", "split": "train", "stored_sha256": _sha(i), "width": 10, "height": 8}
    objects = {"count": 1, "labels": ["polyps"], "bbox": [[0.0, 0.0, 2.0, 2.0]], "rles": ["04"], "areas_px": [4]}
    return _of_a_model(i) | names | objects | {"score_bins": [7], "stabilities": [0.9], "tones": [[]]}


def _proposals(i: int) -> Row:
    box = {"x1": 0.0, "y1": 0.0, "x2": 2.0, "y2": 2.0, "scale": 1.0, "area_px": 4, "rle": "04"}
    size = {"img_size": [10, 8], "original_width": 10, "original_height": 8}
    names = {"proposal_id": f"{i}:0", "stored_sha256": _sha(i), "image": {"bytes": b"picture", "path": "a.png"}}
    text = {"source": "a", "licence": "CC-BY-4.0", "split": "train", "label": "polyps", "status": "open"}
    scores = {"score_bin": 9, "stability": 0.97, "likeness": None, "evidence": "model"}
    return _of_a_model(i) | box | size | names | text | scores


def _refused_proposals(i: int) -> Row:
    facts = {"proposal_id": f"{i}:0", "label": "polyps", "reason": "unstable", "area_px": 4, "rle": "04"}
    model = {name: value for name, value in _of_a_model(i).items() if name != "model_sha256"}
    return model | facts | {"score_bin": 9, "stability": 0.5, "likeness": None}


def _records(i: int) -> Row:
    lists = {
        "img_size": [10, 8],
        "points": [[1.0, 1.0], [9.0, 7.0]],
        "bbox": [[0.0, 0.0, 2.0, 2.0], [8.0, 6.0, 10.0, 8.0]],
    }
    more = {"point_kind": ["centroid"] * 2, "object_ids": ["0", "1"], "track_ids": ["", ""], "original_size": [10, 8]}
    inner = {"centroids": [[1.0, 1.0], []], "interior_points": [[], []], "count": 2, "scale": 1.0}
    names = {"image_sha256": _sha(i), "stored_sha256": _sha(i), "record_id": f"{_sha(i)}:polyps", "sample_id": f"a/{i}"}
    text = _given("label classification organ source stem split finding licence", "text")
    more |= {"evidence": ["mask", "mask"]}
    nothing = _given("video_id frame_index official_split modality", None)
    return lists | more | inner | names | text | nothing | {"collection_method": "counting", "label_id": 0}


def _refused_sentences(i: int) -> Row:
    about = {"refusal_id": f"a/{i}:0", "sample_id": f"a/{i}", "part": "region", "verdict": "false"}
    return about | {"reason": "false_claim", "detail": "count", "text_sha256": _sha(i)}


def _regions(i: int) -> Row:
    box = {"x1": 0.0, "y1": 0.0, "x2": 10.0, "y2": 8.0, "cx": 5.0, "cy": 4.0, "ix": 5.5, "iy": 4.5}
    names = {"region_id": f"a/{i}:mask:polyp:0", "sample_id": f"a/{i}", "source": "a", "evidence": "mask"}
    mask = {
        "centroid_inside": True,
        "interior_inside": True,
        "area_px": 80,
        "rle": "0",
        "track_id": None,
        "object_key": None,
    }
    mask |= _given("luma roughness ring_luma ring_roughness", None)
    return names | box | mask | {"label": "p", "index": 0, "truncated": True, "image_width": 10, "image_height": 8}


def _released_images(i: int) -> Row:
    size = {"original_width": 1348, "original_height": 1070, "width": 700, "height": 555, "scale": 700 / 1348}
    hashes = _given("image_sha256 stored_sha256 luma_blake3", _sha(i)) | {"perceptual_hash": "0123456789abcdef"}
    text = _given("source stem member organ finding classification licence group_id split", "text")
    nothing = _given("mask_off_binary official_split video_id frame_index fps modality", None)
    lists = {"labels_exhaustive": ["polyps"], "duplicates": []}
    facts = {"sample_id": f"a/{i}", "image_file": f"images/{_sha(i)}.png", "image_origin": "member", "stored_bytes": 9}
    facts |= {"orientation_done": "applied 3"}
    return size | hashes | text | nothing | lists | facts


def _samples(i: int) -> Row:
    members = _given("mask_member label_member track_member video_member", None) | {"image_member": f"{i}.jpg"}
    nothing = _given(
        "video_id frame_index fps official_split group modality licence plane rendering drawn_on person", None
    )
    boxes = {"source_labels": ["polyp"], "source_boxes": [[0.0, 0.0, 2.0, 2.0]], "labels_exhaustive": []}
    boxes |= {"neighbour_frames": [4, 6], "neighbour_members": ["4.jpg", "6.jpg"]}
    boxes |= {"uncertain": [], "parts": []}
    text = _given("organ finding classification", "text")
    size = {"source_width": 10, "source_height": None}
    return {"sample_id": f"a/{i}", "source": "a", "stem": f"{i}"} | members | nothing | boxes | text | size


def _specks(i: int) -> Row:
    box = {"x1": 0.0, "y1": 0.0, "x2": 1.0, "y2": 1.0, "area_px": 1}
    return {"speck_id": f"a/{i}:0", "sample_id": f"a/{i}", "source": "a", "reason": "stray_pixel"} | box


def _split_changes(i: int) -> Row:
    names = {"change_id": f"a/{i}:previous", "sample_id": f"a/{i}", "image_sha256": _sha(i), "group_id": "g"}
    return names | {"stated_by": "previous", "stated_split": "train", "split": "test", "reason": "joined"}


def _thumbnails(i: int) -> Row:
    return {"sample_id": f"a/{i}", "thumbnail": f"{i:02048x}", "level": 90.5, "spread": 12.0}


def _survey_findings(i: int) -> Row:
    found = {"kind": "blurred", "label": "", "source_box": None, "iou": None, "detail": "sharpness 2.5"}
    return {"survey_id": f"a/{i}:blurred:0", "sample_id": f"a/{i}"} | found


def _splits(i: int) -> Row:
    return {"sample_id": f"a/{i}", "group_id": f"a/{i}", "split": "train"}


_ROWS: dict[str, Callable[[int], Row]] = {
    "annotations": _annotations,
    "conventions": _conventions,
    "corrections": _corrections,
    "descriptions": _descriptions,
    "disagreements": _disagreements,
    "dialect_lines": _dialect_lines,
    "doubts": _doubts,
    "duplicates": _duplicates,
    "exclusions": _exclusions,
    "images": _images,
    "instructions": _instructions,
    "picture_facts": _picture_facts,
    "near_distances": _near_distances,
    "joins": _joins,
    "near_duplicates": _near_duplicates,
    "next_labels": _next_labels,
    "objects": _objects,
    "predictions": _predictions,
    "proposals": _proposals,
    "readings": _readings,
    "records": _records,
    "redactions": _redactions,
    "refused_proposals": _refused_proposals,
    "refused_sentences": _refused_sentences,
    "regions": _regions,
    "released_images": _released_images,
    "samples": _samples,
    "specks": _specks,
    "split_changes": _split_changes,
    "splits": _splits,
    "survey_findings": _survey_findings,
    "text_places": _text_places,
    "thumbnails": _thumbnails,
}


@pytest.fixture(scope="session")
def good_row() -> Callable[[str, int], Row]:
    """The i-th good row of a table."""
    return lambda table, i: _ROWS[table](i)


@pytest.fixture(scope="session")
def rows_frame() -> Callable[[str, list[Row]], pl.DataFrame]:
    """A frame of rows with the declared types of a table, in the given order."""
    return lambda table, rows: pl.DataFrame(rows, schema=polars_schema(load_table(table)), strict=False)


@pytest.fixture(scope="session")
def good_frame(
    good_row: Callable[[str, int], Row], rows_frame: Callable[[str, list[Row]], pl.DataFrame]
) -> Callable[[str, int], pl.DataFrame]:
    """A frame of so many good rows of a table."""
    return lambda table, count: rows_frame(table, [good_row(table, i) for i in range(count)])
