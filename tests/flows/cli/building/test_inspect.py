"""``medmultipoints inspect`` as a person runs it: folders, archives, answers, saved declarations, pages."""

import json
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from medmultipoints.flows.cli.app import app
from medmultipoints.transforms.errors import UsageError
from tests.transforms.sources.formats.layouts import Layout, all_layouts
from tests.transforms.sources.formats.scenes import COUNTS, SCENES

LAYOUTS = {layout.name: layout for layout in all_layouts()}


def place(layout: Layout, folder: Path) -> Path:
    for name, data in layout.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["inspect", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def inspected(*arguments: object) -> dict[str, Any]:
    held: dict[str, Any] = json.loads(run(*arguments, "--json").splitlines()[-1])
    return held


def test_a_folder_is_one_json_object(tmp_path: Path) -> None:
    """The keys are those that machines rely on."""
    found = inspected(place(LAYOUTS["coco polygons"], tmp_path / "set"))
    assert list(found) == ["format", "pictures", "objects", "questions", "hints", "declaration"]
    assert found["format"] == "coco"
    assert found["pictures"] == len(SCENES)
    assert found["objects"] == COUNTS
    assert found["questions"] == []
    assert all(set(hint) == {"key", "text"} for hint in found["hints"])


def test_an_archive_is_read_in_place(tmp_path: Path) -> None:
    """A zip of the folder gives the same."""
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name, data in LAYOUTS["yolo of Roboflow"].files.items():
            file.writestr(f"wrapped/{name}", data)
    assert inspected(archive)["objects"] == COUNTS


def test_answers_and_saved_declarations_close_questions(tmp_path: Path) -> None:
    """What is answered once is in the saved file, and is not asked again with it."""
    folder = place(LAYOUTS["voc devkit"], tmp_path / "set")
    asked = inspected(folder)
    assert [question["key"] for question in asked["questions"]] == ["boxes.frame"]
    assert "inclusive-1" in asked["questions"][0]["choices"]
    saved = tmp_path / "cells.toml"
    answered = inspected(folder, "--answer", "boxes.frame=inclusive-1", "--as", "cells", "--save", saved)
    assert answered["questions"] == []
    held = tomllib.loads(saved.read_text())
    assert held["name"] == "cells"
    assert held["read"]["boxes"] == {"frame": "inclusive-1"}
    again = inspected(folder, "--declaration", saved)
    assert (again["questions"], again["objects"]) == ([], COUNTS)


def test_saving_loses_no_line_of_a_person(tmp_path: Path) -> None:
    """Answers are added to a saved declaration; a line that a person wrote is kept with --declaration, else refused."""
    folder, saved = place(LAYOUTS["voc devkit"], tmp_path / "set"), tmp_path / "cells.toml"
    inspected(folder, "--save", saved)
    inspected(folder, "--answer", "boxes.frame=inclusive-1", "--save", saved)
    saved.write_text(saved.read_text() + '\n[read.groups]\ngroup = "picture"\n')
    with pytest.raises(UsageError, match=r"read\.boxes\.frame, read\.groups\.group would be lost or changed there"):
        run(folder, "--save", saved)
    inspected(folder, "--declaration", saved, "--save", saved)
    assert tomllib.loads(saved.read_text())["read"]["groups"]["group"] == "picture"


def test_a_saved_declaration_names_its_source_from_its_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recipe looks for the path beside the declaration, wherever it was saved from."""
    place(LAYOUTS["yolo of Roboflow"], tmp_path / "set")
    (tmp_path / "declared").mkdir()
    monkeypatch.chdir(tmp_path)
    inspected(Path("set"), "--save", Path("declared/cells.toml"))
    assert tomllib.loads(Path("declared/cells.toml").read_text())["path"] == "../set"
    inspected(Path("set"), "--declaration", Path("declared/cells.toml"), "--save", Path("cells.toml"))
    assert tomllib.loads(Path("cells.toml").read_text())["path"] == "set"


@pytest.mark.slow
def test_every_layout_survives_being_saved(tmp_path: Path) -> None:
    """A saved declaration reads as what was shown when it was saved."""
    for at, layout in enumerate(LAYOUTS.values()):
        folder, saved = place(layout, tmp_path / str(at)), tmp_path / f"{at}.toml"
        answers = [
            part
            for key, value in layout.answers.items()
            for part in ("--answer", f"{key}={json.dumps(value) if isinstance(value, str | list) else as_toml(value)}")
        ]
        first = inspected(folder, *answers, "--save", saved)
        second = inspected(folder, "--declaration", saved)
        assert second["questions"] == [], layout.name
        assert second["objects"] == first["objects"] == dict(layout.counts), layout.name


def as_toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {json.dumps(held)}" for key, held in value.items()) + " }"
    return json.dumps(value)


def test_accepted_guesses_are_marked(tmp_path: Path) -> None:
    """``--accept`` closes what has a likely answer, and says so in the file."""
    folder = place(LAYOUTS["voc devkit"], tmp_path / "set")
    found = inspected(folder, "--accept")
    assert found["questions"] == []
    assert "guess accepted" in found["declaration"]
    assert 'guessed = ["read.boxes.frame"]' in found["declaration"]


def test_the_page_needs_nothing_else(tmp_path: Path) -> None:
    """One file with the pictures inside; names of files and labels are escaped."""
    layout = LAYOUTS["cvat polygon"]
    odd = {name: data.replace(b'label="wbc"', b'label="&lt;b&gt;wbc"') for name, data in layout.files.items()}
    folder = place(Layout("odd", odd), tmp_path / "set")
    page = tmp_path / "page.html"
    run(folder, "--html", page)
    text = page.read_text("utf-8")
    assert "&lt;b&gt;wbc" in text
    assert "<b>wbc" not in text
    assert text.count("data:image/webp") == 4
    assert "http" not in text.replace("http-equiv", "").replace("http://www.w3.org", "")


def test_people_see_declaration_counts_and_questions(tmp_path: Path) -> None:
    """The plain output names what is open and how to answer it."""
    text = run(place(LAYOUTS["yolo without names"], tmp_path / "set"))
    assert 'format = "yolo"' in text
    assert "--answer classes=" in text


@pytest.mark.parametrize(
    "arguments", [["/no/such/folder"], [".", "--answer", "boxes.frame"], [".", "--declaration", "/no/such.toml"]]
)
def test_wrong_arguments_are_errors_for_people(arguments: list[str]) -> None:
    """What is missing is named; nothing is half done."""
    result = CliRunner().invoke(app, ["inspect", *arguments])
    assert result.exit_code != 0
    assert result.exception is not None
    assert isinstance(result.exception, UsageError) or "cannot be read" in str(result.exception)
