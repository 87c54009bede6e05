"""Sources of one's own in a recipe: declared inline, in a file, or found out; open questions are asked all at once."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from medmultipoints.data_lake.archives.source_files import open_source
from medmultipoints.data_lake.catalogue import SourceInfo, load_catalogue
from medmultipoints.flows.engine.planning.declarations import OpenQuestions, complete_sources
from medmultipoints.flows.engine.request import BuildRequest, PublishRequest
from medmultipoints.flows.recipe.load import load_recipe
from medmultipoints.flows.recipe.model import Recipe
from medmultipoints.flows.recipe.sources import own_policies, source_infos, take_paths
from medmultipoints.transforms.errors import SourceDataError, UsageError
from medmultipoints.transforms.problems import PATTERNS
from medmultipoints.transforms.sources.declaration.model import Declaration

HEAD = 'name = "cells"\nversion = "1.0.0"\ntitle = "Cells"\n'
YOLO = "0 0.5 0.5 0.5 0.5\n"


def write(folder: Path, text: str) -> str:
    path = folder / "recipe.toml"
    path.write_text(HEAD + text)
    return str(path)


def yolo_folder(folder: Path) -> Path:
    """Two pictures with YOLO labels, and no names of classes."""
    from PIL import Image

    for name in ("a", "b"):
        (folder / "images").mkdir(parents=True, exist_ok=True)
        (folder / "labels").mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 30), (9, 9, 9)).save(folder / "images" / f"{name}.png")
        (folder / "labels" / f"{name}.txt").write_text(YOLO)
    return folder


def test_a_path_is_taken_from_the_folder_of_the_recipe_and_leaves_the_tables(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    recipe = load_recipe(write(tmp_path, '[sources.mine]\npath = "data"\nlicence = "MIT"\n'))
    tables, paths = take_paths(recipe.sources)
    assert ({"mine": {"licence": "MIT"}}, {"mine": str(tmp_path / "data")}) == (tables, paths)


def test_a_declaration_may_lie_in_a_file_and_the_recipe_wins(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('title = "Mine"\nlicence = "MIT"\n[read]\nformat = "voc"\n')
    text = '[sources.mine]\ndeclaration = "mine.toml"\npath = "."\nlicence = "CC0-1.0"\n'
    info = source_infos(load_recipe(write(tmp_path, text)).sources, {})["mine"]
    assert ("Mine", "CC0-1.0", "voc") == (info.title, info.licence, info.declaration.format)


def test_all_labels_are_kept_unless_the_recipe_names_some(tmp_path: Path) -> None:
    mine = '[sources.mine]\npath = "."\n'
    assert load_recipe(write(tmp_path, mine)).labels.others == "keep"
    assert load_recipe(write(tmp_path, mine + '[labels]\nnames = { RBC = "red cell" }\n')).labels.others == "drop"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('path = "nowhere"', "sources.mine.path: nowhere is neither in"),
        ('path = "."\ncolour = "red"', "sources.mine: unknown key colour; known are"),
        ('path = "."\nlicense = "MIT"', "unknown key license; perhaps .licence. is meant"),
        ('path = "."\nlicence = "CC BY 4.0"', "licence: 'CC BY 4.0' is not an SPDX .*; perhaps 'CC-BY-4.0' is meant"),
        ('path = "."\nlicence = "CC-BY-4"', "licence: SPDX lists no licence 'CC-BY-4'; perhaps 'CC-BY-4.0' is meant"),
        ('path = "."\nhomepage = "www.x.org"', "homepage: 'www.x.org' is not a URL such as https://HOST/FILE[.]$"),
        ('path = "."\nread = { labels = { a = 3 } }', "read.labels.a: must be a text in quotes, or must be a table"),
        ('path = "."\nread = { licences = { "a/**" = "CC BY" } }', "read.licences.a/[*][*]: 'CC BY' is not an SPDX"),
        ('path = "."\nread = { formatt = "yolo" }', "read.formatt: unknown key; perhaps 'format' is meant"),
        ('path = "."\nread = { boxes = { fram = "edges" } }', "read.boxes.fram: unknown key; perhaps 'frame' is meant"),
        ('path = "."\nread = { boxes = { frame = "inclusive" } }', "sources.mine: read.boxes.frame: must be .edges"),
        (
            'path = "."\nread = { format = "tabel", images = "{n}.png", groups = { group = "{patient}" } }',
            "sources.mine.read.format: unknown format 'tabel'; perhaps 'table' is meant[.]$",
        ),
        ('path = "."\nread = { slices = { every = 2.0 } }', "read.slices.every: must be a whole number[.]$"),
        ('path = "."\nread = { frame_base = false }', "read.frame_base: must be a whole number[.]$"),
        (
            'path = "."\nread = { intensity = { window = "-600/1500" } }',
            '"-600/1500" is not a rule; write { centre = -600, width = 1500 }, "dicom", "full" or',
        ),
        ('path = "."\nread = { intensity = { window = { center = 4, width = 9 } } }', "write { centre = 40, width"),
        ('declaration = "none.toml"', "declaration .*none.toml: No such file"),
        ("", "unknown source 'mine'; known are .*path = "),
    ],
)
def test_a_wrong_table_is_refused_with_its_key(tmp_path: Path, table: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_recipe(write(tmp_path, f"[sources.mine]\n{table}\n"))


def patterns_in(schema: object) -> set[str]:
    """Every pattern of a JSON schema."""
    if isinstance(schema, dict):
        own = {schema["pattern"]} if isinstance(schema.get("pattern"), str) else set()
        return own.union(*map(patterns_in, schema.values()))
    return set().union(*map(patterns_in, schema)) if isinstance(schema, list) else set()


@pytest.mark.parametrize("model", [Recipe, SourceInfo, Declaration, BuildRequest, PublishRequest])
def test_what_a_text_must_look_like_is_said_in_words(model: type[BaseModel]) -> None:
    """Without words for a pattern, a wrong text would be answered with a regular expression."""
    assert set() == patterns_in(model.model_json_schema()) - PATTERNS.keys()


def test_an_empty_table_is_enough_where_the_path_is_given_otherwise(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, "[sources.mine]\n"), ["mine"])
    assert recipe.sources["mine"] == {}


def test_open_questions_of_all_sources_are_asked_at_once_with_the_line_that_answers(tmp_path: Path) -> None:
    files = {name: open_source(name, yolo_folder(tmp_path / name), tmp_path / "scratch") for name in ("one", "two")}
    with pytest.raises(OpenQuestions) as asked:
        complete_sources({"one": {}, "two": {"licence": "MIT"}}, files.__getitem__)
    text = str(asked.value)
    assert asked.value.exit_code == 2
    assert ("[sources.one]\n    licence = " in text, "[sources.two]\n    licence" in text) == (True, False)
    assert {"[sources.one.read]", "[sources.two.read]"} <= {line.strip() for line in text.splitlines()}


def test_only_questions_that_have_a_likely_answer_are_offered_accept(tmp_path: Path) -> None:
    files = {"one": open_source("one", yolo_folder(tmp_path / "one"), tmp_path / "scratch")}
    with pytest.raises(OpenQuestions, match="accept = true in the table .*; without one: one[.]read[.]c"):
        complete_sources({"one": {}}, files.__getitem__)
    with pytest.raises(OpenQuestions, match=r"\nAnswer in the recipe; no likely answer is known[.]$"):
        complete_sources({"one": {"accept": True}}, files.__getitem__)


@pytest.mark.parametrize(
    ("read", "message"),
    [
        ({"annotations": "label/{stem}.txt"}, "annotations: 'label/{stem}.txt' matches no .*; it has 'labels/b.txt'"),
        ({"images": ["images/{stem}.png", "*.bmp"]}, r"images: '\*.bmp' matches no file"),
        ({"also": {"voc": {"annotations": "xml/{stem}.xml"}}}, "also.voc.annotations: 'xml/{stem}.xml' matches no"),
    ],
)
def test_a_pattern_that_matches_no_file_is_refused(tmp_path: Path, read: dict[str, object], message: str) -> None:
    files = {"one": open_source("one", yolo_folder(tmp_path / "one"), tmp_path / "scratch")}
    with pytest.raises(UsageError, match=rf"^sources\.one\.read\.{message}(?s:.*)Correct the pattern"):
        complete_sources({"one": {"read": {"format": "yolo", **read}}}, files.__getitem__)


def test_a_stated_answer_is_not_asked_again(tmp_path: Path) -> None:
    files = {"one": open_source("one", yolo_folder(tmp_path / "one"), tmp_path / "scratch")}
    table = {"licence": "MIT", "read": {"classes": ["cell"], "groups": {"group": "{stem}"}}}
    complete = complete_sources({"one": table}, files.__getitem__)["one"]
    assert ("yolo", ["cell"], []) == (complete["read"]["format"], complete["read"]["classes"], complete["guessed"])


def test_defaults_are_taken_only_where_they_are_accepted_and_are_named(tmp_path: Path) -> None:
    files = {"one": open_source("one", yolo_folder(tmp_path / "one"), tmp_path / "scratch")}
    table = {"read": {"classes": ["cell"]}, "accept": True}
    complete = complete_sources({"one": table}, files.__getitem__)["one"]
    assert complete["licence"] == "LicenseRef-unknown"
    assert "licence" in complete["guessed"]
    info = source_infos({"one": complete}, {})["one"]
    assert 'licence = "LicenseRef-unknown"' in info.guesses
    assert "accept" not in complete


def test_a_folder_of_no_format_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "readme.txt").write_text("nothing here")
    files = {"one": open_source("one", tmp_path / "one", tmp_path / "scratch")}
    with pytest.raises(UsageError, match=r"sources\.one: no format is recognised"):
        complete_sources({"one": {"licence": "MIT"}}, files.__getitem__)


def test_a_broken_source_is_left_out_only_where_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "bad.zip").write_bytes(b"PK\x03\x04 cut off")
    opened = lambda name: open_source(name, tmp_path / name, tmp_path / "scratch")  # noqa: E731
    with pytest.raises(SourceDataError, match="damaged zip"):
        complete_sources({"one": {"licence": "MIT"}}, opened)
    places = {"one": tmp_path / "one"}
    said = complete_sources({"one": {"licence": "MIT"}}, opened, places=places, leave_out=True)["one"]["broken"]
    assert "damaged zip" in said and str(tmp_path) not in said


def test_a_source_may_have_a_policy_of_its_own(tmp_path: Path) -> None:
    text = '[sources.mine]\npath = "."\npolicy = "published"\n[sources.hyperkvasir]\npolicy = "audited"\n'
    assert own_policies(load_recipe(write(tmp_path, text))) == {"mine": "published", "hyperkvasir": "audited"}
    with pytest.raises(UsageError, match=r"sources\.mine\.policy: must be one of published, audited"):
        load_recipe(write(tmp_path, text.replace('"published"', '"strict"')))


def test_a_source_of_the_catalogue_has_options_and_another_declaration_makes_it_ones_own(tmp_path: Path) -> None:
    catalogue = load_catalogue()
    with pytest.raises(UsageError, match=r"sources\.kvasir_instrument: licence: unknown key; known are mask_objects"):
        load_recipe(write(tmp_path, '[sources.kvasir_instrument]\nlicence = "MIT"\n'))
    (tmp_path / "mine.toml").write_text('licence = "MIT"\n')
    text = '[sources.kvasir_instrument]\npath = "."\ndeclaration = "mine.toml"\n'
    info = source_infos(load_recipe(write(tmp_path, text)).sources, catalogue)["kvasir_instrument"]
    assert (info.licence, info.is_declared, catalogue["kvasir_instrument"].is_declared) == ("MIT", True, False)
