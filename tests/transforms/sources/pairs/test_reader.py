"""The reader of pairs, as Kvasir-Instrument declares them: official split, and every file explained."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medmultipoints.transforms.errors import SourceDataError, UsageError
from medmultipoints.transforms.records import Indexed
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.described import DescribedSource
from medmultipoints.transforms.sources.pairs.reader import read_samples
from tests.catalogue_readers import read_described
from tests.members import MemoryMembers

ROOT = "kvasir-instrument"
ENTRY = {"width": 9, "height": 8, "bbox": [{"label": "instrument", "xmin": 1, "ymin": 2, "xmax": 9, "ymax": 8}]}


def source(*stems: str, train: bytes = b"a\n", test: bytes = b"b\n") -> dict[str, bytes]:
    pairs = {f"{ROOT}/{name}": b"" for stem in stems for name in (f"images/{stem}.jpg", f"masks/{stem}.png")}
    boxes = json.dumps(dict.fromkeys(stems, ENTRY)).encode()
    return {**pairs, f"{ROOT}/bboxes.json": boxes, f"{ROOT}/train.txt": train, f"{ROOT}/test.txt": test}


def read(files: dict[str, bytes]) -> Indexed:
    return read_described("kvasir_instrument", MemoryMembers(files))


def reasons(indexed: Indexed) -> dict[str, str]:
    return {row.key: row.reason for row in indexed.exclusions}


def test_a_pair_becomes_a_sample_with_its_official_split() -> None:
    indexed = read(source("a", "b", "c"))
    assert [(sample.stem, sample.official_split) for sample in indexed.samples] == [
        ("a", "train"),
        ("b", "test"),
        ("c", None),
    ]
    sample = indexed.samples[0]
    assert (sample.image_member, sample.mask_member) == (f"{ROOT}/images/a.jpg", f"{ROOT}/masks/a.png")
    assert (sample.mask_label, sample.labels_exhaustive) == ("instrument", ("instrument",))
    facts = (sample.organ, sample.finding, sample.classification)
    assert facts == ("Gastrointestinal tract", "instrument", "surgical-instruments")
    assert [box.label for box in sample.source_boxes] == ["instrument"]
    assert indexed.exclusions == ()


def test_a_stem_in_both_lists_is_rejected() -> None:
    indexed = read(source("a", "b", train=b"\xef\xbb\xbfa\r\nb\r\n"))
    assert [sample.stem for sample in indexed.samples] == ["a"]
    assert set(reasons(indexed).values()) == {"split_conflict"}
    assert indexed.exclusions[0].detail == f"'b' is listed in both {ROOT}/train.txt and {ROOT}/test.txt"


def test_a_listed_stem_without_any_file_is_reported() -> None:
    assert reasons(read(source("a", "b", train=b"a\nz\n"))) == {f"{ROOT}/train.txt#z": "image_missing"}


@pytest.mark.parametrize("name", ["bboxes.json", "train.txt", "test.txt"])
def test_a_missing_annotation_file_stops_the_source_and_says_what_to_give(name: str) -> None:
    files = source("a")
    del files[f"{ROOT}/{name}"]
    with pytest.raises(
        SourceDataError, match=f"kvasir_instrument: {name}: the file is missing; found .*Give kvasir-instrument.zip, or"
    ):
        read(files)


def test_labels_of_another_source_are_unknown() -> None:
    files = source("a", "b")
    files[f"{ROOT}/bboxes.json"] = files[f"{ROOT}/bboxes.json"].replace(b'"instrument"', b'"polyp"')
    indexed = read(files)
    assert len(indexed.exclusions) == 4
    assert set(reasons(indexed).values()) == {"label_unknown"}


def test_a_split_list_that_is_not_text_stops_the_source() -> None:
    with pytest.raises(SourceDataError, match=r"train\.txt: is not UTF-8 text"):
        read(source("a", train=b"\xff\xfe"))


WHOLE = {**source("a", "b", "c", train=b"a\nb\n", test=b"b\nz\n"), "readme.md": b"", f"{ROOT}/images/A.png": b""}


@given(st.sets(st.sampled_from(sorted(WHOLE))))
def test_whatever_is_missing_each_member_is_explained(missing: set[str]) -> None:
    files = {name: data for name, data in WHOLE.items() if name not in missing}
    if any(name.endswith((".json", ".txt")) for name in missing):
        with pytest.raises(SourceDataError):
            read(files)
    else:
        read(files)


def test_the_real_annotations_without_images_give_no_sample_and_590_reasons(real: Path) -> None:
    folder = real / "kvasir-instrument"
    indexed = read({name: (folder / name).read_bytes() for name in ("bboxes.json", "train.txt", "test.txt")})
    assert indexed.samples == ()
    assert len(indexed.exclusions) == 590
    assert set(reasons(indexed).values()) == {"image_missing"}


def test_the_real_annotations_with_images_give_the_official_split(real: Path) -> None:
    folder = real / "kvasir-instrument"
    files = {name: (folder / name).read_bytes() for name in ("bboxes.json", "train.txt", "test.txt")}
    stems = json.loads(files["bboxes.json"])
    files |= {name: b"" for stem in stems for name in (f"images/{stem}.jpg", f"masks/{stem}.png")}
    splits = [sample.official_split for sample in read(files).samples]
    assert (splits.count("train"), splits.count("test"), len(splits)) == (472, 118, 590)


def test_a_source_without_a_box_file_has_pairs_without_boxes() -> None:
    keys = {"images": "**/i/*", "annotations": "**/m/*", "masks": {"label": "ulcer"}, "drop": "**/i/old*"}
    described = DescribedSource("ours", Declaration.model_validate({"format": "pairs", **keys}), {"organ": "stomach"})
    files = {"i/a.png": b"", "m/a.png": b"", "i/old.png": b"", "i/b.png": b"", "m/c.jpg": b"", "readme.md": b""}
    indexed = read_samples(MemoryMembers(files), described=described)
    (sample,) = indexed.samples
    assert (sample.stem, sample.mask_label, sample.organ, sample.finding) == ("a", "ulcer", "stomach", "unknown")
    assert (sample.source_width, sample.source_boxes, sample.official_split) == (None, (), None)
    assert reasons(indexed) == {
        "i/b.png": "mask_missing",
        "i/old.png": "dropped_by_declaration",
        "m/c.jpg": "image_missing",
        "readme.md": "not_part_of_the_dataset",
    }


@pytest.mark.parametrize(
    ("keys", "said"),
    [({"groups": {"group": "{stem}"}}, r"groups\.group"), ({"annotations": ["a.json", "b.json"]}, r"b\.json")],
)
def test_keys_that_pairs_do_not_have_are_refused(keys: dict[str, object], said: str) -> None:
    described = DescribedSource("ours", Declaration.model_validate({"format": "pairs", **keys}))
    with pytest.raises(UsageError, match=f"ours: read: {said}: pairs have one box file"):
        read_samples(MemoryMembers({}), described=described)
