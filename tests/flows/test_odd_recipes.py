"""Two sources of one's own: labels, splits and copies that do not fit together are refused or said, never silent."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from medmultipoints.flows.cli.building.build import broken_of, notes_of
from medmultipoints.flows.engine.execute import Outcome
from medmultipoints.flows.engine.report import exclusions_of
from medmultipoints.transforms.errors import DataError, UsageError
from tests.flows.small_builds import build

HEAD = 'name = "own"\nversion = "1.0.0"\ntitle = "Own"\nrelease_date = "2026-11-21"\n'
SOURCE = '[sources.{name}]\npath = "{name}"\nlicence = "MIT"\n[sources.{name}.read]\nclasses = {classes}\n'


def yolo(folder: Path, stems: str, *, first: int = 0, split: str = "") -> None:
    """Pictures of noise, each with one object of class 0, in the layout of Ultralytics."""
    for number, stem in enumerate(stems, first):
        for kind in ("images", "labels"):
            (folder / kind / split).mkdir(parents=True, exist_ok=True)
        Image.effect_noise((64 + number, 48), 90).convert("RGB").save(folder / "images" / split / f"{stem}.png")
        (folder / "labels" / split / f"{stem}.txt").write_text(f"0 0.5 0.{number % 4 + 3} 0.4 0.4\n")


def recipe(folder: Path, text: str, **classes: str) -> str:
    """A recipe of YOLO sources, each with the name of its class."""
    own = "".join(SOURCE.format(name=name, classes=f'["{label}"]') for name, label in classes.items())
    (folder / "own.toml").write_text(HEAD + own + text)
    return str(folder / "own.toml")


def test_labels_of_two_sources_that_differ_by_case_are_refused_with_the_line_to_add(tmp_path: Path) -> None:
    yolo(tmp_path / "a", "xyz")
    yolo(tmp_path / "b", "uvw", first=5)
    with pytest.raises(
        UsageError, match=r"(?s)'Tumor' \(a: 3\), 'tumor' \(b: 3\).*\[sources.b.read.labels\].*\"tumor\" = \"Tumor\""
    ):
        build(recipe(tmp_path, "", a="Tumor", b="tumor"), tmp_path / "lake", {})
    united = recipe(tmp_path, '[sources.b.read.labels]\ntumor = "Tumor"\n', a="Tumor", b="tumor")
    asked = build(united, tmp_path / "lake", {}).table("instructions")
    assert asked["image_sha256"].n_unique() == 6


def masks(folder: Path) -> None:
    """Pictures of noise, each with a mask of an object of value 1 and one of value 2."""
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    for number, stem in enumerate("klm", 10):
        Image.effect_noise((64 + number, 48), 90).convert("RGB").save(folder / "images" / f"{stem}.png")
        mask = Image.new("L", (64 + number, 48))
        for value, left in ((1, 4), (2, 30)):
            mask.paste(value, (left, 10, left + 16, 30))
        mask.save(folder / "masks" / f"{stem}.png")


MASKED = """[sources.c]
path = "c"
licence = "MIT"
accept = true
[sources.c.read.masks]
values = { 1 = "tumour", 2 = "vein", 3 = "artery" }
"""


def test_labels_that_the_ontology_lacks_are_asked_of_all_sources_at_once_if_they_occur(tmp_path: Path) -> None:
    """Leaving broken sources out does not leave out these; a value that no mask has needs no answer."""
    yolo(tmp_path / "a", "xyz")
    yolo(tmp_path / "b", "uvw", first=5)
    masks(tmp_path / "c")
    head = 'ontology = "ontology.toml"\n[validation]\nbroken_sources = "leave-out"\n'

    def made(terms: str, *, classes: str = '["mark", "unused"]') -> Outcome:
        (tmp_path / "ontology.toml").write_text(terms)
        sources = "".join(SOURCE.format(name=name, classes=classes) for name in "ab")
        (tmp_path / "own.toml").write_text(HEAD + head + sources + MASKED)
        return build(str(tmp_path / "own.toml"), tmp_path / "lake", {})

    with pytest.raises(UsageError) as drawn:
        made("[tumour]\n")
    said = '    [sources.{}.read.labels]\n    "mark" = "…"   # or {{ ignore = "why" }}; in 3 places'
    assert str(drawn.value).startswith("the ontology lacks 4 labels of a, b, c. ")
    assert "\n".join(said.format(name) for name in "ab") in str(drawn.value)
    for label in ("artery", "vein"):
        assert f'    "{label}" = "…"   # or {{ ignore = "why" }}; if it occurs in a mask' in str(drawn.value)
    with pytest.raises(UsageError, match=r"lacks 1 label of c[.](?s:.*)\"vein\" = ") as found:
        made("[tumour]\n[mark]\n")
    assert "artery" not in str(found.value)
    assert {"tumour", "mark", "vein"} == set(made("[tumour]\n[mark]\n[vein]\n").table("records")["label"])


def test_a_source_of_which_every_picture_is_rejected_is_left_out_on_request_and_named(tmp_path: Path) -> None:
    """By default it stops the build, also after a build that left it out."""
    yolo(tmp_path / "a", "xyz")
    yolo(tmp_path / "b", "uv", first=5)
    for label in (tmp_path / "b" / "labels").iterdir():
        label.write_text("0 0.5 0.5 0.0 0.4\n")
    leave = '[validation]\nbroken_sources = "leave-out"\n'
    made = build(recipe(tmp_path, leave, a="tumour", b="vein"), tmp_path / "lake", {})
    assert set(made.table("released_images")["source"]) == {"a"}
    (gone,) = broken_of(made)
    assert gone.startswith("b: all files: no usable sample: 2 times objects_in_quarantine, for example b/")
    assert gone.endswith("Correct the annotations that were rejected. Leave the source out with --only, without b.")
    card = (made.release.path / "README.md").read_text()
    assert "**b is left out**" in card
    with pytest.raises(DataError, match="b: all files: no usable sample: 2 times objects_in_quarantine"):
        build(recipe(tmp_path, "", a="tumour", b="vein"), tmp_path / "lake", {})


def test_an_ignored_label_of_masks_is_accounted_for_in_each_picture_that_has_it(tmp_path: Path) -> None:
    masks(tmp_path / "c")
    ignored = '[sources.c.read.labels]\nvein = { ignore = "not asked" }\n'
    (tmp_path / "own.toml").write_text(HEAD + MASKED + ignored)
    made = build(str(tmp_path / "own.toml"), tmp_path / "lake", {})
    left = exclusions_of(made, "dropped").filter(reason="label_ignored").sort("key")
    assert left["key"].to_list() == [f"c/{stem}#masks/{stem}.png#0=2" for stem in "klm"]
    assert left["detail"][0] == "masks/k.png: vein is left out: not asked"
    assert set(made.table("records")["label"]) == {"tumour"}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            '[sources.a.read.labels]\n"tumuor" = "vein"\n',
            r"a[.]read[.]labels: no object has the label 'tumuor'; perhaps 'Tumor'",
        ),
        (
            '[sources.a.read.absence]\ncertain = ["tumuor"]\n',
            r"a[.]read[.]absence[.]certain: no object has the label 'tumuor'",
        ),
        ('[sources.a.read.hierarchy]\nvein = ["tumuor"]\n', r"a[.]read[.]hierarchy: no object has the label 'tumuor'"),
    ],
)
def test_misspelt_labels_are_refused_with_an_ontology_too(tmp_path: Path, wrong: str, said: str) -> None:
    """Synonyms and names of the ontology that a source lacks are no mistakes."""
    yolo(tmp_path / "a", "xyz")
    (tmp_path / "ontology.toml").write_text('[tumour]\nsynonyms = ["Tumor", "growth"]\n[vein]\n')
    head = 'ontology = "ontology.toml"\n'
    text = HEAD + head + SOURCE.format(name="a", classes='["Tumor"]')
    (tmp_path / "own.toml").write_text(text)
    made = build(str(tmp_path / "own.toml"), tmp_path / "lake", {})
    assert set(made.table("records")["label"]) == {"tumour"}
    (tmp_path / "own.toml").write_text(text + wrong)
    with pytest.raises(UsageError, match=said):
        build(str(tmp_path / "own.toml"), tmp_path / "lake", {})


def split_source(folder: Path) -> None:
    yolo(folder / "a", "pqrstu", split="train")
    yolo(folder / "a", "xyz", first=6, split="val")


@pytest.mark.parametrize("validation", ["val", "validation", "dev"])
def test_splits_of_the_authors_are_honoured_under_any_usual_name(tmp_path: Path, validation: str) -> None:
    split_source(tmp_path)
    splits = f"[splits]\nhonour_official = true\nfractions = {{ train = 0.5, {validation} = 0.5 }}\n"
    made = build(recipe(tmp_path, splits, a="tumour"), tmp_path / "lake", {})
    images = made.table("released_images").select("split", "official_split").unique().sort("official_split")
    assert [("train", "train"), (validation, "validation")] == images.rows()
    assert not any("authors' splits" in note for note in notes_of(made))


def test_splits_of_the_authors_that_are_not_used_are_said_and_a_missing_place_is_refused(tmp_path: Path) -> None:
    split_source(tmp_path)
    made = build(recipe(tmp_path, "", a="tumour"), tmp_path / "lake", {})
    said = "a: its authors' splits (train 6, validation 3) are not used; [splits] honour_official = true uses them"
    assert said in notes_of(made)
    assert said in (made.release.path / "README.md").read_text()
    with pytest.raises(
        UsageError, match=r"train 6, validation 3, and fractions \(train = 1\) has no split for validation"
    ):
        build(recipe(tmp_path, "[splits]\nhonour_official = true\n", a="tumour"), tmp_path / "lake", {})


def test_a_source_of_copies_is_said_with_the_labels_that_are_lost(tmp_path: Path) -> None:
    yolo(tmp_path / "a", "xyz")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    made = build(recipe(tmp_path, "", a="tumour", b="organ"), tmp_path / "lake", {})
    lost = "and with them objects that the kept ones lack: organ 3"
    said = f"b: 3 of 3 pictures left out as copies of pictures of a, {lost}"
    assert said in notes_of(made)
    assert said in (made.release.path / "README.md").read_text()


def test_a_box_that_is_rejected_leaves_only_its_own_label_without_questions(tmp_path: Path) -> None:
    yolo(tmp_path / "a", "xyz")
    with (tmp_path / "a" / "labels" / "x.txt").open("a") as lines:
        lines.write("1 0.2 0.2 0.1 0.1\n1 0.5 0.5 0 0\n")
    text = '[sources.a]\npath = "a"\nlicence = "MIT"\n[sources.a.read]\nclasses = ["tumour", "organ"]\n'
    (tmp_path / "own.toml").write_text(HEAD + text)
    made = build(str(tmp_path / "own.toml"), tmp_path / "lake", {})
    asked = made.table("instructions").join(made.table("records").select("record_id", "sample_id"), on="record_id")
    expected = [("a/x", "tumour"), ("a/y", "tumour"), ("a/z", "tumour")]
    assert expected == asked.select("sample_id", "label").unique().sort("sample_id").rows()
    (left_out,) = exclusions_of(made).filter(reason="count_uncertain").rows(named=True)
    assert ("a/x:organ", "a/x: objects of organ are left out or in quarantine") == (
        left_out["key"],
        left_out["detail"].partition(",")[0],
    )


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("[sources.a.read.labels]\ntumor = 'x'\n", "read.labels: no object has the label 'tumor'; perhaps 'tumour'"),
        ("[sources.a.read.absence]\ncertain = ['tumor']\n", "a.read.absence.certain: no object has the label 'tumor'"),
        ("[sources.a.read.hierarchy]\ntumour = ['core', 'rim']\n", "a.read.hierarchy: no object has the label 'core'"),
        ("[labels]\nnames = { Tumor = 'x' }\n", "labels.names: no .* 'Tumor'; .*The labels are: tumour[.]"),
    ],
)
def test_labels_of_a_recipe_that_no_source_has_are_refused(tmp_path: Path, table: str, message: str) -> None:
    yolo(tmp_path / "a", "xy")
    with pytest.raises(UsageError, match=message):
        build(recipe(tmp_path, table, a="tumour"), tmp_path / "lake", {})


def test_a_label_may_be_certainly_absent_from_a_source_where_another_has_it(tmp_path: Path) -> None:
    yolo(tmp_path / "a", "xy")
    yolo(tmp_path / "b", "uv", first=5)
    text = '[sources.b.read.absence]\ncertain = ["tumour"]\n'
    made = build(recipe(tmp_path, text, a="tumour", b="organ"), tmp_path / "lake", {})
    assert made.table("records").height == 4
