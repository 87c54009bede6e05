"""Declarations add labels, groups, splits, absence and licences to pictures, and every member is accounted for."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from medmultipoints.transforms.errors import MemberProblem, SourceDataError
from medmultipoints.transforms.records import Annotation, Box, Indexed, MaskLayer, Point, Sample
from medmultipoints.transforms.sources.accounting import check_members
from medmultipoints.transforms.sources.annotated import AnnotatedPicture, ReadProblem
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.declared import read_declared
from tests.members import MemoryMembers

FILES = {
    "set/train/p1_1.jpg": b"picture",
    "set/train/p1_2.jpg": b"picture",
    "set/test/p2_1.jpg": b"picture",
    "boxes.json": b"",
    "a.txt": b"",
}
IMAGES = "set/{split}/{patient}_{nr:int}.jpg"


def cell(entry: int, label: str = "RBC", **more: Any) -> Annotation:
    return Annotation(key=f"boxes.json#{entry}", label=label, box=Box(1, 2, 3, 4), **more)


def picture(member: str, *annotations: Annotation, **more: Any) -> AnnotatedPicture:
    return AnnotatedPicture(member=member, annotations=annotations, read_from=("boxes.json",), **more)


def read(
    found: Iterable[AnnotatedPicture | ReadProblem], files: dict[str, bytes] | None = None, **declared: Any
) -> Indexed:
    """Return the pictures read with a declaration, after checking that every member is accounted for."""
    members = MemoryMembers(files or FILES)
    declaration = Declaration.model_validate({"format": "any", "images": IMAGES} | declared)
    indexed = read_declared("s", declaration, {"organ": "blood"}, members, lambda *_: iter(list(found)))
    check_members(members, indexed)
    return indexed


def only(indexed: Indexed) -> Sample:
    (sample,) = indexed.samples
    return sample


def reasons(indexed: Indexed) -> dict[str, tuple[str, str]]:
    return {row.key: (row.verdict, row.reason) for row in indexed.exclusions}


def test_a_picture_is_named_by_its_path_below_the_shared_folder() -> None:
    pictures = [picture("set/train/p1_1.jpg"), picture("set/test/p2_1.jpg", name="set/test/p2_1.jpg")]
    assert ["s/test/p2_1", "s/train/p1_1"] == [sample.sample_id for sample in read(pictures).samples]


def test_names_hold_no_blanks_and_are_told_apart() -> None:
    files = {"a (1).png": b"", "a_(1).png": b"", "a (1).jpg": b"", "boxes.json": b""}
    found = read([picture(name) for name in files if name != "boxes.json"], files, images="{stem}.png")
    assert len({sample.stem for sample in found.samples}) == 3
    assert not any(" " in sample.stem for sample in found.samples)


def test_holes_are_columns_groups_and_splits_and_the_source_says_the_rest() -> None:
    sample = only(read([picture("set/train/p1_1.jpg", cell(0))], groups={"group": "{patient}"}))
    assert ("p1", "train", "blood", "unknown") == (sample.group, sample.official_split, sample.organ, sample.finding)


def test_a_declared_column_wins_over_what_the_file_states() -> None:
    stated = picture("set/train/p1_1.jpg", columns={"organ": "colon", "modality": "CT"})
    sample = only(read([stated], columns={"organ": "organ of {patient}"}))
    assert ("organ of p1", "CT") == (sample.organ, sample.modality)


def test_labels_are_renamed_and_ignored_ones_are_accounted_for() -> None:
    labels = {"RBC": "red cell", "Plate*": {"ignore": "not asked"}}
    found = read([picture("set/train/p1_1.jpg", cell(0), cell(1, "Platelets"))], labels=labels)
    assert ["red cell"] == [one.label for one in only(found).annotations]
    assert ("dropped", "label_ignored") == reasons(found)["boxes.json#1"]


def test_a_label_of_an_ignored_value_is_accounted_for_and_not_certain() -> None:
    layer = MaskLayer(member="a.txt", kind="classes", labels={"1": "RBC", "3": "WBC"}, ignore=("255", "3"))
    found = picture("set/train/p1_1.jpg", layers=(layer,))
    sample = only(read([found], absence={"certain": ["RBC", "WBC"]}))
    assert {"3": "WBC is left out: masks.ignore has its value"} == sample.layers[0].left_out
    assert ({"1": "RBC"}, ("RBC",)) == (sample.layers[0].labels, sample.labels_exhaustive)


@pytest.mark.parametrize(
    ("annotation", "verdict", "reason"),
    [
        (cell(7, crowd=True), "dropped", "crowd_region"),
        (cell(7, ignore=True), "dropped", "ignored_region"),
        (Annotation(key="boxes.json#7", label="RBC", point=Point(1, 1)), "dropped", "point_without_extent"),
        (Annotation(key="boxes.json#7", label="RBC", box=Box(1, 1, 1, 3)), "rejected", "box_zero_extent"),
        (
            Annotation(key="boxes.json#7", label="RBC", box=Box(1, 1, float("nan"), 3)),
            "rejected",
            "coordinates_not_finite",
        ),
        (
            Annotation(key="boxes.json#7", label="RBC", polygons=((Point(0, 0), Point(1, 1)),)),
            "rejected",
            "polygon_too_short",
        ),
    ],
)
def test_what_is_no_object_is_excluded_and_its_label_is_no_longer_certain(
    annotation: Annotation, verdict: str, reason: str
) -> None:
    found = read([picture("set/train/p1_1.jpg", cell(0), annotation)], absence={"certain": ["RBC", "WBC"]})
    assert (verdict, reason) == reasons(found)["boxes.json#7"]
    assert (("WBC",), ("RBC",)) == (only(found).labels_exhaustive, only(found).uncertain)


def test_a_problem_of_the_reader_is_excluded_and_makes_its_label_uncertain() -> None:
    problem = ReadProblem(
        key="boxes.json#3", reason="box_zero_extent", detail="d", picture="set/train/p1_1.jpg", label="RBC"
    )
    found = read([problem, picture("set/train/p1_1.jpg", cell(0))], absence={"certain": ["RBC"]})
    assert ("rejected", "box_zero_extent") == reasons(found)["boxes.json#3"]
    assert ((), ("RBC",)) == (only(found).labels_exhaustive, only(found).uncertain)


@pytest.mark.parametrize(("verdict", "uncertain"), [("rejected", ("RBC", "WBC")), ("dropped", ())])
def test_a_rejected_entry_without_a_label_may_be_of_any(verdict: Any, uncertain: tuple[str, ...]) -> None:
    problem = ReadProblem(key="boxes.json#3", reason="r", detail="d", picture="set/train/p1_1.jpg", verdict=verdict)
    found = read([problem, picture("set/train/p1_1.jpg", cell(0))], absence={"certain": ["WBC"]})
    assert uncertain == only(found).uncertain


@pytest.mark.parametrize(
    ("annotated", "absence", "expected"),
    [
        (False, {}, ()),
        (False, {"missing_file": "none"}, ("RBC",)),
        (True, {}, ("RBC",)),
        (True, {"empty_file": "unknown"}, ()),
    ],
)
def test_absence_is_certain_only_where_the_declaration_says_so(
    annotated: bool, absence: dict[str, str], expected: tuple[str, ...]
) -> None:
    found = read([picture("set/train/p1_1.jpg", annotated=annotated)], absence={"certain": ["RBC"]} | absence)
    assert expected == only(found).labels_exhaustive


def test_without_a_word_on_absence_nothing_is_certain() -> None:
    assert only(read([picture("set/train/p1_1.jpg", cell(0))])).labels_exhaustive == ()


def test_a_picture_without_annotation_may_be_rejected() -> None:
    pictures = [picture("set/train/p1_1.jpg", cell(0)), picture("set/train/p1_2.jpg", annotated=False)]
    found = read(pictures, absence={"missing_file": "reject"})
    assert ("rejected", "annotation_missing") == reasons(found)["set/train/p1_2.jpg"]
    assert ["s/p1_1"] == [sample.sample_id for sample in found.samples]


def test_a_picture_that_is_annotated_twice_is_rejected() -> None:
    found = read([picture("set/train/p1_1.jpg", cell(0)), picture("set/train/p1_1.jpg", cell(1))])
    assert ("rejected", "annotated_twice") == reasons(found)["set/train/p1_1.jpg"]
    assert found.samples == ()


def test_files_that_nothing_uses_are_dropped_one_by_one() -> None:
    found = read([picture("set/train/p1_1.jpg", cell(0))], drop="**/*.txt")
    assert ("dropped", "dropped_by_declaration") == reasons(found)["a.txt"]
    assert ("dropped", "not_part_of_the_dataset") == reasons(found)["set/test/p2_1.jpg"]


def test_a_file_of_label_names_is_used() -> None:
    """It is read with the masks, so it is not dropped."""
    found = read([picture("set/train/p1_1.jpg")], {**FILES, "dataset.json": b"{}"}, label_names="dataset.json")
    assert "dataset.json" in found.used
    assert "dataset.json" not in reasons(found)


def test_a_file_that_cannot_be_read_ends_the_build_with_its_reason() -> None:
    """The annotation file is not blamed for a damaged archive."""

    def damaged(*_: object) -> Iterator[AnnotatedPicture]:
        raise MemberProblem("member_damaged", "p/a.png cannot be unpacked")
        yield

    declaration = Declaration.model_validate({"format": "any", "images": IMAGES})
    with pytest.raises(SourceDataError, match=r"p/a\.png cannot be unpacked.*Get that file again"):
        read_declared("s", declaration, {}, MemoryMembers(FILES), damaged)


def test_a_picture_without_bytes_is_rejected_as_empty() -> None:
    found = read([picture("set/train/p1_1.jpg", cell(0))], FILES | {"set/test/p2_1.jpg": b""})
    assert ("rejected", "empty_file") == reasons(found)["set/test/p2_1.jpg"]
    assert ("dropped", "not_part_of_the_dataset") == reasons(found)["a.txt"]


def test_official_splits_come_from_lists_and_two_lists_contradict() -> None:
    files = FILES | {"Main/train.txt": b"p1_1\np1_2\n", "Main/val.txt": b"p1_2\n", "Main/trainval.txt": b"p1_1\n"}
    splits = {"lists": "Main/{split}.txt", "use": ["train", "val"]}
    found = read([picture("set/train/p1_1.jpg"), picture("set/train/p1_2.jpg")], files, splits=splits)
    assert "train" == only(found).official_split
    assert ("rejected", "split_contradicts") == reasons(found)["set/train/p1_2.jpg"]


def test_tables_are_joined_by_a_hole() -> None:
    table = b"patient;diagnosis;age\np1;cyst;55\n"
    files = FILES | {"meta.csv": table, "folds.json": b'{"train": ["p2"], "test": ["p1"]}'}
    patients = {"file": "meta.csv", "on": "patient", "delimiter": ";"}
    patients |= {"columns": {"finding": "diagnosis", "age": {"drop": True}}}
    tables = {"patients": patients, "official": {"file": "folds.json", "shape": "split -> list of patient"}}
    sample = only(read([picture("set/train/p1_1.jpg")], files, tables=tables, splits={"from": "official.split"}))
    assert ("cyst", "test") == (sample.finding, sample.official_split)


def test_values_of_a_split_can_be_named_and_files_left_out_with_a_reason() -> None:
    splits = {"from": "{patient}", "names": {"p2": "test", "*": "train"}}
    drop = {"notes/*": ["notes_kept_out", "is a note"]}
    found = read([picture("set/train/p1_1.jpg")], FILES | {"notes/a.txt": b""}, splits=splits, drop=drop)
    assert "train" == only(found).official_split
    assert ("dropped", "notes_kept_out") == reasons(found)["notes/a.txt"]
    refused = {"drop": {"notes/*": ["Not a word", "is a note"]}}
    with pytest.raises(ValueError, match=r"drop"):
        read([picture("set/train/p1_1.jpg")], **refused)


def test_a_table_without_the_column_names_what_it_has() -> None:
    tables = {"patients": {"file": "meta.csv", "on": "patient"}}
    with pytest.raises(SourceDataError, match="no column 'patient'; it has id, age"):
        read([picture("set/train/p1_1.jpg")], FILES | {"meta.csv": b"id,age\n1,2\n"}, tables=tables)


def test_licences_differ_by_file() -> None:
    pictures = [picture("set/train/p1_1.jpg"), picture("set/test/p2_1.jpg")]
    found = read(pictures, licences={"set/test/**": "CC-BY-4.0"})
    assert ["CC-BY-4.0", None] == [sample.licence for sample in found.samples]


def test_a_licence_from_the_data_is_one_that_spdx_lists() -> None:
    """It takes the spelling of SPDX; another is rejected with the nearest one, unless the declaration overrules it."""
    rows = b"stem,licence\np1_1,cc-by-4.0\np1_2,CC BY 4.0\np2_1,proprietary\n"
    tables = {"facts": {"file": "meta.csv", "on": "stem", "columns": {"licence": "licence"}}}
    pictures = [picture(name) for name in FILES if name.endswith(".jpg")]
    found = read(pictures, FILES | {"meta.csv": rows}, tables=tables)
    assert only(found).licence == "CC-BY-4.0"
    said = {row.key: row.detail for row in found.exclusions if row.reason == "licence_unlisted"}
    assert said == {
        "set/train/p1_2.jpg": "set/train/p1_2.jpg: SPDX lists no licence 'CC BY 4.0'; perhaps 'CC-BY-4.0' is meant; "
        "LicenseRef-NAME names one of your own",
        "set/test/p2_1.jpg": "set/test/p2_1.jpg: SPDX lists no licence 'proprietary'; LicenseRef-NAME names one of "
        "your own",
    }
    overruled = read(pictures, FILES | {"meta.csv": rows}, tables=tables, licences={"set/**": "MIT"})
    assert {sample.licence for sample in overruled.samples} == {"MIT"}


def test_values_of_ignored_labels_are_ignored_in_masks() -> None:
    layer = MaskLayer(member="a.txt", kind="classes", labels={"1": "fluid", "2": "artefact"})
    found = read([picture("set/train/p1_1.jpg", layers=(layer,))], labels={"artefact": {"ignore": "no tissue"}})
    (kept,) = only(found).layers
    assert ({"1": "fluid"}, ("2",)) == (kept.labels, kept.ignore)


def test_counts_of_touching_objects_may_be_declared_uncertain() -> None:
    layer = MaskLayer(member="a.txt", label="nucleus")
    found = read([picture("set/train/p1_1.jpg", layers=(layer,))], masks={"count": "uncertain"})
    assert ("nucleus",) == only(found).uncertain


def test_dicom_identities_name_a_group_only_hashed() -> None:
    one = picture("set/train/p1_1.jpg", columns={"PatientID": "SMITH^JOHN"})
    group = only(read([one], groups={"group": "{PatientID}"})).group
    assert group is not None
    assert "SMITH" not in group
