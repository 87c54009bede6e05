"""The HyperKvasir reader: pairs, labels, negatives, and every file explained."""

import json
from pathlib import Path
from zipfile import ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medmultipoints.transforms.errors import SourceDataError, UsageError
from medmultipoints.transforms.records import Box, Exclusion, Indexed
from tests.catalogue_readers import read_described
from tests.members import MemoryMembers, read_zip

BOXES = "segmented-images/bounding-boxes.json"
LABELS = "image-labels.csv"
HEADER = "Video file,Organ,Finding,Classification"
ENTRY = {"width": 9, "height": 8, "bbox": [{"label": "polyp", "xmin": 1, "ymin": 2, "xmax": 9, "ymax": 8}]}


def image(stem: str) -> str:
    return f"segmented-images/images/{stem}.jpg"


def mask(stem: str) -> str:
    return f"segmented-images/masks/{stem}.jpg"


def labelled(stem: str, finding: str) -> str:
    return f"labeled-images/lower-gi-tract/any-class/{finding}/{stem}.jpg"


def label_row(stem: str, finding: str = "polyps") -> str:
    group = {"polyps": "pathological-findings"}.get(finding, "anatomical-landmarks")
    return f"{stem},Lower GI,{finding},{group}"


def source(*stems: str, rows: tuple[str, ...] | None = None) -> dict[str, bytes]:
    """A sound source of these segmented polyps, with label rows for them or as given."""
    given_rows = tuple(label_row(stem) for stem in stems) if rows is None else rows
    files = {name: b"" for stem in stems for name in (image(stem), mask(stem))}
    files[BOXES] = json.dumps(dict.fromkeys(stems, ENTRY)).encode()
    files[LABELS] = "\r\n".join((HEADER, *given_rows)).encode()
    return files


def read(
    files: dict[str, bytes], *negatives: str, repeated: tuple[str, ...] = (), unsegmented: bool = False
) -> Indexed:
    members = MemoryMembers(files, repeated=repeated)
    return read_described("hyperkvasir", members, negatives=negatives, unsegmented=unsegmented)


def by_key(indexed: Indexed) -> dict[str, Exclusion]:
    return {row.key: row for row in indexed.exclusions}


def reasons(indexed: Indexed) -> dict[str, str]:
    return {row.key: row.reason for row in indexed.exclusions}


def test_a_pair_becomes_a_sample_with_boxes_and_labels() -> None:
    indexed = read(source("a"))
    (sample,) = indexed.samples
    assert sample.sample_id == "hyperkvasir/a"
    assert (sample.image_member, sample.mask_member, sample.mask_label) == (image("a"), mask("a"), "polyps")
    assert (sample.organ, sample.finding, sample.classification) == ("Lower GI", "polyps", "pathological-findings")
    assert (sample.source_width, sample.source_height) == (9, 8)
    assert [(box.label, box.box) for box in sample.source_boxes] == [("polyps", Box(1, 2, 9, 8))]
    assert sample.labels_exhaustive == ("polyps",)
    assert indexed.exclusions == ()


def test_any_outer_folder_and_either_naming_scheme_are_read() -> None:
    files = {f"hyper-kvasir/x/{name}": data for name, data in source("a", rows=(label_row("a", "polyps"),)).items()}
    files[f"hyper-kvasir/x/{LABELS}"] = f"{HEADER}\na,Lower GI,polyp,pathological-findings".encode()
    assert [sample.finding for sample in read(files).samples] == ["polyps"]


@pytest.mark.parametrize(
    ("missing", "excluded", "reason"),
    [
        (image("a"), mask("a"), "image_missing"),
        (mask("a"), image("a"), "mask_missing"),
    ],
)
def test_half_a_pair_is_rejected_with_its_sample(missing: str, excluded: str, reason: str) -> None:
    files = source("a", "b")
    del files[missing]
    indexed = read(files)
    assert [sample.stem for sample in indexed.samples] == ["b"]
    (row,) = indexed.exclusions
    assert (row.key, row.reason, row.verdict, row.sample_id) == (excluded, reason, "rejected", "hyperkvasir/a")
    assert excluded in row.detail


def test_an_image_without_an_entry_and_an_entry_without_an_image_are_both_reported() -> None:
    files = source("a", "b")
    files[BOXES] = json.dumps({"a": ENTRY, "c": ENTRY}).encode()
    found = by_key(read(files))
    assert {key: row.reason for key, row in found.items()} == {
        image("b"): "annotation_missing",
        mask("b"): "annotation_missing",
        f"{BOXES}#c": "image_missing",
    }
    assert found[f"{BOXES}#c"].detail == f"{BOXES} has an entry 'c', but there is no image of that name"


def test_a_bad_box_rejects_its_pair_alone() -> None:
    files = source("a", "b")
    bad = {**ENTRY, "bbox": [{**ENTRY["bbox"][0], "xmax": 99}]}  # type: ignore[index]
    files[BOXES] = json.dumps({"a": bad, "b": ENTRY}).encode()
    indexed = read(files)
    assert [sample.stem for sample in indexed.samples] == ["b"]
    assert reasons(indexed) == {image("a"): "box_outside_image", mask("a"): "box_outside_image"}


def test_a_missing_or_other_label_row_rejects_the_pair() -> None:
    indexed = read(source("a", "b", rows=(label_row("b", "cecum"),)))
    assert indexed.samples == ()
    assert reasons(indexed) == {
        image("a"): "label_row_missing",
        mask("a"): "label_row_missing",
        image("b"): "finding_conflict",
        mask("b"): "finding_conflict",
    }


def test_a_bad_label_row_of_no_image_is_reported() -> None:
    assert reasons(read(source("a", rows=(label_row("a"), "z,Lower GI,ulcer,none")))) == {
        f"{LABELS}#z": "finding_unknown"
    }


@pytest.mark.parametrize("other", ["segmented-images/images/a.png", "segmented-images/images/A.JPG", "x/images/a.jpg"])
def test_two_images_of_one_name_are_both_rejected(other: str) -> None:
    files = {**source("a", "b"), other: b""}
    indexed = read(files)
    assert [sample.stem for sample in indexed.samples] == ["b"]
    found = by_key(indexed)
    assert {found[image("a")].reason, found[other].reason} == {"duplicate_stem"}
    assert other in found[image("a")].detail


def test_a_path_that_is_listed_twice_is_rejected_once() -> None:
    assert reasons(read(source("a"), repeated=(image("a"),))) == {
        image("a"): "duplicate_stem",
        mask("a"): "duplicate_stem",
    }


def test_a_name_with_blanks_is_rejected() -> None:
    assert set(reasons(read(source("a b"))).values()) == {"stem_invalid"}


def test_files_of_no_use_are_dropped() -> None:
    extra = (
        "license.txt",
        "__MACOSX/segmented-images/images/._a.jpg",
        "segmented-images/images/.DS_Store",
        "x/Thumbs.db",
    )
    deep, unlabelled = "segmented-images/images/deep/er/z.jpg", "unlabeled-images/images/u.jpg"
    indexed = read({**source("a"), **dict.fromkeys((*extra, deep, unlabelled), b"")})
    assert len(indexed.samples) == 1
    assert reasons(indexed) == {
        **dict.fromkeys((*extra, deep), "not_part_of_the_dataset"),
        unlabelled: "dropped_by_declaration",
    }
    assert {row.verdict for row in indexed.exclusions} == {"dropped"}


def test_labelled_images_are_negatives_only_where_the_recipe_says_so() -> None:
    rows = (label_row("a"), label_row("p"), label_row("c", "cecum"), label_row("i", "ileum"))
    paths = [labelled("a", "polyps"), labelled("p", "polyps"), labelled("c", "cecum"), labelled("i", "ileum")]
    files = {**source("a", rows=rows), **dict.fromkeys(paths, b"")}
    indexed = read(files, "normal-cecum")
    negative = next(sample for sample in indexed.samples if sample.stem == "c")
    assert (negative.image_member, negative.mask_member, negative.source_boxes) == (paths[2], None, ())
    assert (negative.finding, negative.labels_exhaustive) == ("cecum", ("polyps",))
    assert reasons(indexed) == {
        paths[0]: "segmented_copy_is_used",
        paths[1]: "positive_without_annotation",
        paths[3]: "finding_not_selected",
    }
    assert [sample.stem for sample in read(files).samples] == ["a"]


def test_polyps_without_a_mask_are_taken_as_not_annotated_where_the_recipe_says_so() -> None:
    rows = (label_row("a"), label_row("p"))
    paths = [labelled("a", "polyps"), labelled("p", "polyps")]
    indexed = read({**source("a", rows=rows), **dict.fromkeys(paths, b"")}, unsegmented=True)
    taken = next(sample for sample in indexed.samples if sample.stem == "p")
    assert (taken.image_member, taken.mask_member, taken.finding) == (paths[1], None, "polyps")
    assert (taken.source_boxes, taken.labels_exhaustive) == ((), ())
    assert reasons(indexed) == {paths[0]: "segmented_copy_is_used"}


def test_a_labelled_image_that_the_segmented_archive_shows_with_a_polyp_is_no_negative() -> None:
    rows = (label_row("a", "cecum"),)
    indexed = read({**source("a", rows=rows), labelled("a", "cecum"): b""}, "cecum")
    assert indexed.samples == ()
    assert set(reasons(indexed).values()) == {"finding_conflict"}


def test_labelled_images_with_contradicting_or_missing_labels_are_rejected() -> None:
    rows = (label_row("a"), label_row("c", "cecum"), label_row("d", "cecum"))
    paths = [labelled("c", "ileum"), labelled("x", "cecum"), labelled("d", "cecum"), labelled("d", "ileum")]
    indexed = read({**source("a", rows=rows), **dict.fromkeys(paths, b"")}, "cecum")
    assert reasons(indexed) == dict(
        zip(paths, ("finding_conflict", "label_row_missing", "duplicate_stem", "duplicate_stem"), strict=True)
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ulcer", "'ulcer' is not a finding. Choose from cecum, ileum"),
        ("polyps", "images of 'polyps' may show polyps"),
        ("polyp", "images of 'polyp' may show polyps"),
        ("dyed-lifted-polyps", "may show polyps or instruments"),
        ("dyed-resection-margins", "may show polyps or instruments"),
    ],
)
def test_findings_that_cannot_be_negatives_are_refused(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read(source("a"), name)


def test_the_label_table_may_lie_in_the_archive_and_beside_it() -> None:
    files = source("a")
    other = f"labeled-images/{LABELS}"
    assert reasons(read({**files, other: files[LABELS].replace(b"\r\n", b"\n") + b"\n"})) == {other: "duplicate_member"}
    with pytest.raises(SourceDataError, match=f"{other}: differs from {LABELS}"):
        read({**files, other: files[LABELS] + b"\r\n" + label_row("z").encode()})
    with pytest.raises(SourceDataError, match="lists this file twice"):
        read(files, repeated=(LABELS,))


@pytest.mark.parametrize(
    ("missing", "remedy"), [(BOXES, "segmented-images.zip and"), (LABELS, "image-labels.csv, or a")]
)
def test_a_missing_annotation_file_stops_the_source_and_says_what_to_give(missing: str, remedy: str) -> None:
    files = source("a")
    del files[missing]
    with pytest.raises(SourceDataError, match=r"missing; found .*segmented-images\.zip and image-labels\.csv, or"):
        read(files)


@pytest.mark.parametrize("files", [{}, {"11/images/11_frame_0.jpg": b""}])
def test_a_wrong_archive_stops_the_source(files: dict[str, bytes]) -> None:
    with pytest.raises(SourceDataError, match=r"bounding-boxes\.json: the file is missing; found"):
        read(files)


ROWS = (*map(label_row, "abpq"), label_row("c", "cecum"), label_row("d", "ileum"))
WHOLE = source("a", "b", "q", rows=ROWS) | dict.fromkeys(
    [labelled("a", "polyps"), labelled("p", "polyps"), labelled("c", "cecum"), labelled("d", "ileum"), image("A")], b""
)


@given(st.sets(st.sampled_from(sorted(WHOLE))), st.sets(st.sampled_from(sorted(WHOLE))))
def test_whatever_is_missing_or_listed_twice_each_member_is_explained(missing: set[str], repeated: set[str]) -> None:
    files = {name: data for name, data in WHOLE.items() if name not in missing}
    twice = tuple(repeated & files.keys())
    if {BOXES, LABELS} & (missing | set(twice)):
        with pytest.raises(SourceDataError):
            read(files, "cecum", repeated=twice)
    else:
        read(files, "cecum", repeated=twice)


def test_the_real_zip_gives_120_samples_and_leaves_nothing_over(real: Path) -> None:
    with ZipFile(real / "hyper-kvasir/hyper-kvasir-segmented-images.zip") as archive:
        files = read_zip(archive)
    for name in (LABELS, "license.txt"):
        files[name] = (real / "hyper-kvasir" / name).read_bytes()
    indexed = read(files)
    assert len(indexed.samples) == 120
    assert sum(len(sample.source_boxes) for sample in indexed.samples) == 147
    assert reasons(indexed) == {"license.txt": "not_part_of_the_dataset"}
