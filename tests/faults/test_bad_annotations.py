"""Entries of box files and rows of label tables that are wrong cost their own picture; a file that is, the build."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from medmultipoints.flows.engine.execute import Outcome
from tests.faults.building import build, check_closed, excluded, message_of_stop, released
from tests.faults.cases import PAIR, Case, Spoil, check_case, keys_of, plant
from tests.faults.tiny_sources import (
    LABEL_TABLE,
    POLYP_BOXES,
    Files,
    box,
    instrument,
    make_instruments,
    make_polyps,
    polyp,
    write_instruments,
    write_polyps,
)

ENTRY = f"{POLYP_BOXES}, entry '{{stem}}'"
BOX = f"{ENTRY}, box 0"
AS_PUBLISHED = "Give the file as its authors publish it."


def document(change: Callable[[dict[str, Any], str], object]) -> Spoil:
    def spoil(files: Files, stem: str) -> None:
        entries = json.loads(files[POLYP_BOXES])
        change(entries, stem)
        files[POLYP_BOXES] = json.dumps(entries).encode()

    return spoil


def entry(**values: Any) -> Spoil:
    return document(lambda entries, stem: entries[stem].update(values))


def boxed(**values: Any) -> Spoil:
    return entry(bbox=[box("polyp", **values)])


def without(key: str) -> Spoil:
    return document(lambda entries, stem: entries[stem].pop(key))


def box_without(key: str) -> Spoil:
    return document(lambda entries, stem: entries[stem]["bbox"][0].pop(key))


def row(new: str) -> Spoil:
    """The picture's row in the label table replaced, or taken out where ``new`` is empty."""

    def spoil(files: Files, stem: str) -> None:
        old = f"{stem},Lower GI,polyps,pathological-findings\n"
        text = files[LABEL_TABLE].decode()
        assert old in text
        files[LABEL_TABLE] = text.replace(old, new.replace("{stem}", stem)).encode()

    return spoil


def orphan(files: Files, stem: str) -> None:
    """The entry stays, picture, mask and row go."""
    del files[polyp(stem)], files[polyp(stem, "masks")]
    row("")(files, stem)


CASES = {
    "no-boxes-key": Case(without("bbox"), "box_key_missing", f"{ENTRY}: key 'bbox' is missing", PAIR),
    "no-width": Case(without("width"), "box_key_missing", f"{ENTRY}: key 'width' is missing", PAIR),
    "no-edge": Case(box_without("ymax"), "box_key_missing", f"{BOX}: key 'ymax' is missing", PAIR),
    "beyond-right": Case(
        boxed(xmax=65),
        "box_outside_image",
        f"{BOX}: xmin, ymin, xmax, ymax are 15, 11, 65, 36, but the image is 64x48",
        PAIR,
    ),
    "negative": Case(
        boxed(ymin=-1),
        "box_outside_image",
        f"{BOX}: xmin, ymin, xmax, ymax are 15, -1, 40, 36, but the image is 64x48",
        PAIR,
    ),
    "no-area": Case(
        boxed(xmin=40),
        "box_inverted",
        f"{BOX}: xmin, ymin, xmax, ymax are 40, 11, 40, 36, so the box has no area",
        PAIR,
    ),
    "inverted": Case(boxed(ymin=40), "box_inverted", f"{BOX}: xmin, ymin, xmax, ymax are 15, 40, 40, 36, so", PAIR),
    "nan": Case(boxed(xmin=float("nan")), "box_not_a_number", f"{BOX}: xmin is NaN, not a finite number", PAIR),
    "infinite": Case(
        boxed(xmax=float("inf")), "box_not_a_number", f"{BOX}: xmax is Infinity, not a finite number", PAIR
    ),
    "text": Case(boxed(xmin="15"), "box_not_a_number", f'{BOX}: xmin is "15", not a finite number', PAIR),
    "null": Case(boxed(xmin=None), "box_not_a_number", f"{BOX}: xmin is null, not a finite number", PAIR),
    "label": Case(boxed(label="cat"), "label_unknown", f'{BOX}: label is "cat", expected one of polyp', PAIR),
    "boxes-no-list": Case(entry(bbox="none"), "entry_not_an_object", f"{ENTRY}: 'bbox' is \"none\", not a list", PAIR),
    "width-text": Case(entry(width="64"), "size_invalid", f'{ENTRY}: width is "64", not a whole number', PAIR),
    "other-size": Case(entry(width=63), "size_mismatch", "{image}: the image is 64x48 px, its annotation says 63x48"),
    "no-entry": Case(
        document(lambda entries, stem: entries.pop(stem)),
        "annotation_missing",
        f"image {{image}} has no entry '{{stem}}' in {POLYP_BOXES}",
        PAIR,
    ),
    "entry-only": Case(
        orphan,
        "image_missing",
        f"{POLYP_BOXES} has an entry '{{stem}}', but there is no image of that name",
        (f"{{source}}/{POLYP_BOXES}#{{stem}}",),
    ),
    "no-row": Case(row(""), "label_row_missing", f"image {{image}} has no row '{{stem}}' in {LABEL_TABLE}", PAIR),
    "short-row": Case(
        row("{stem},Lower GI\n"), "label_row_invalid", f"{LABEL_TABLE}, line {{line}}: fields are missing", PAIR
    ),
    "unknown-finding": Case(
        row("{stem},Lower GI,unicorn,pathological-findings\n"),
        "finding_unknown",
        f"{LABEL_TABLE}, line {{line}}: finding 'unicorn' is not one of the 23 classes",
        PAIR,
    ),
    "other-finding": Case(
        row("{stem},Lower GI,cecum,anatomical-landmarks\n"),
        "finding_conflict",
        f"{{image}} has a polyp mask, but {LABEL_TABLE} calls it 'cecum'",
        PAIR,
    ),
    "row-twice": Case(
        row("{stem},Lower GI,polyps,pathological-findings\n" * 2),
        "duplicate_label_row",
        f"{LABEL_TABLE}, line {{line}}: '{{stem}}' has a row on line",
        PAIR,
    ),
}


@pytest.fixture(scope="module")
def files() -> Files:
    """The spoilt source; its label table has a byte order mark and CRLF, which are no fault."""
    spoilt = plant(make_polyps([*CASES, "whole", "sound"]), CASES)
    spoilt[LABEL_TABLE] = b"\xef\xbb\xbf" + spoilt[LABEL_TABLE].replace(b"\n", b"\r\n")
    return spoilt


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory, files: Files) -> Outcome:
    folder = tmp_path_factory.mktemp("annotations")
    return build(folder, {"hyperkvasir": write_polyps(folder / "polyps", files)})


def names_of(stem: str, files: Files) -> Mapping[str, str]:
    lines = files[LABEL_TABLE].decode("utf-8-sig").splitlines()
    line = max((number for number, text in enumerate(lines, 1) if text.startswith(f"{stem},")), default=0)
    paths = {"image": polyp(stem), "mask": polyp(stem, "masks")}
    return {"source": "hyperkvasir", "stem": stem, "line": str(line)} | paths


@pytest.mark.parametrize("stem", CASES)
def test_a_bad_entry_or_row_is_quarantined_with_its_place(spoilt: Outcome, files: Files, stem: str) -> None:
    check_case(spoilt, CASES[stem], names_of(stem, files))


def test_the_other_pictures_are_released(spoilt: Outcome, files: Files) -> None:
    """With a byte order mark and CRLF in the label table; every file and entry is accounted for."""
    lost = {key for stem, case in CASES.items() for key in keys_of(case, names_of(stem, files))}
    assert set(excluded(spoilt)) == lost
    assert released(spoilt) == {"hyperkvasir/whole", "hyperkvasir/sound"}
    check_closed(spoilt)


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        (POLYP_BOXES, b"{not json", "is not JSON (Expecting property name enclosed in double quotes: line 1 column 2"),
        (POLYP_BOXES, b"", "is not JSON (Expecting value: line 1 column 1 (char 0))"),
        (POLYP_BOXES, b"[1, 2]", "holds a list, not a JSON object"),
        (POLYP_BOXES, b'{"a1": "\xff"}', "is not JSON ('utf-8' codec can't decode byte 0xff in position 8"),
        (LABEL_TABLE, b"", "lacks the columns Video file, Organ, Finding, Classification (found an empty file)"),
        (LABEL_TABLE, b"Video file,Organ\na1,Lower GI\n", "lacks the columns Finding, Classification (found Video"),
        (LABEL_TABLE, b"Video file;Organ;Finding;Classification\n", "lacks the columns Video file, Organ, Finding"),
        (LABEL_TABLE, b"\xff\xfeV\x00", "is not UTF-8 text ('utf-8' codec can't decode byte 0xff in position 0"),
        (LABEL_TABLE, b'Video file,Organ,Finding,Classification\n"a1', "line 2 is not CSV (unexpected end of data)"),
    ],
)
def test_a_bad_file_stops_the_build(tmp_path: Path, polyps: Files, file: str, content: bytes, problem: str) -> None:
    polyps[file] = content
    message = message_of_stop(tmp_path, {"hyperkvasir": write_polyps(tmp_path / "polyps", polyps)}, exit_code=1)
    assert message.startswith(f"hyperkvasir: {file}: {problem}")
    assert message.endswith(AS_PUBLISHED)


@pytest.mark.parametrize("file", [POLYP_BOXES, LABEL_TABLE])
def test_a_missing_file_stops_the_build(tmp_path: Path, polyps: Files, file: str) -> None:
    del polyps[file]
    message = message_of_stop(tmp_path, {"hyperkvasir": write_polyps(tmp_path / "polyps", polyps)}, exit_code=1)
    assert message.startswith(f"hyperkvasir: {file.rpartition('/')[2]}: the file is missing; found ")
    assert "Give hyper-kvasir-segmented-images.zip and image-labels.csv, or a folder that holds the same." in message


def test_annotations_without_images_stop_the_build(tmp_path: Path) -> None:
    """As a folder that holds the box file and the two lists alone."""
    files = make_instruments()
    folder = tmp_path / "annotations"
    folder.mkdir()
    for name in ("bboxes.json", "train.txt", "test.txt"):
        (folder / name).write_bytes(files[f"kvasir-instrument/{name}"])
    assert message_of_stop(tmp_path, {"kvasir_instrument": folder}, exit_code=1) == (
        "kvasir_instrument: all files: no usable sample: 6 times image_missing, for example bboxes.json#a1: "
        "bboxes.json has an entry 'a1', but there is no image of that name. "
        "Give what is missing with --source kvasir_instrument=PATH, or leave it out with --only."
    )


def test_an_image_in_both_official_lists_is_quarantined(tmp_path: Path, instruments: Files) -> None:
    """And a name that is in a list alone is reported; a byte order mark makes no difference."""
    instruments["kvasir-instrument/test.txt"] = b"\xef\xbb\xbfb2\r\nghost\r\n"
    outcome = build(tmp_path, {"kvasir_instrument": write_instruments(tmp_path / "instruments", instruments)})
    conflict = "'b2' is listed in both kvasir-instrument/train.txt and kvasir-instrument/test.txt"
    ghost = "kvasir-instrument/test.txt has an entry 'ghost', but there is no image of that name"
    assert excluded(outcome) == {
        f"kvasir_instrument/{instrument('b2')}": ("rejected", "split_conflict", conflict),
        f"kvasir_instrument/{instrument('b2', 'masks')}": ("rejected", "split_conflict", conflict),
        "kvasir_instrument/kvasir-instrument/test.txt#ghost": ("rejected", "image_missing", ghost),
    }
    assert len(released(outcome)) == 5
    check_closed(outcome)
