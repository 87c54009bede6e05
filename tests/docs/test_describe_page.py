"""The page on descriptions is executed: its settings, its commands, its definitions, its section of a recipe."""

import re
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from medmultipoints.data_lake.describe.describe_pictures import load_definitions
from medmultipoints.data_lake.describe.server_settings import ServerSettings
from medmultipoints.flows.cli.app import app
from medmultipoints.flows.recipe.pinned import Describe
from tests.chat_server import chat_server
from tests.data_lake.release.tiny_release import write_release
from tests.data_lake.release.tiny_tables import make_tables
from tests.docs.pages import ROOT, blocks, commands, named_files

PAGE = ROOT / "docs" / "describe.md"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files of the page and a release where the page has one."""
    for name, text in named_files(PAGE).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    (tmp_path / "lake/releases/demo").mkdir(parents=True)
    write_release(tmp_path / "lake/releases/demo/1.0.0", make_tables())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEDMULTIPOINTS_DESCRIBE_TOKEN", "a-token")
    return tmp_path


def test_its_commands_run(here: Path) -> None:
    """Against a server of this machine; the second asks for nothing that the first has."""
    said = [words for words in commands(PAGE) if words[:2] == ["medmultipoints", "describe"]]
    assert len(said) == 2
    with chat_server() as chat:
        settings = (here / "server.toml").read_text().replace("https://models.example.org/v1", chat.address)
        (here / "server.toml").write_text(settings.replace("requests_per_minute = 60", "requests_per_minute = 6000"))
        for _, *words in said:
            done = CliRunner().invoke(app, words)
            assert done.exit_code == 0, done.output
        assert len(chat.received) == len((here / "replies.jsonl").read_bytes().splitlines())
        assert {one.headers["authorization"] for one in chat.received} == {"Bearer a-token"}
    assert "[describe]" in done.output


def test_its_definitions_and_its_section_are_sound(here: Path) -> None:
    """Read by the code that reads a user's."""
    assert load_definitions([here / "definitions"])[-1].about == "gastric_ulcer"
    section = next(text for text in blocks(PAGE, "toml") if text.startswith("[describe]"))
    Describe.model_validate(tomllib.loads(section.replace("…", "0" * 64))["describe"])


def test_it_names_every_setting() -> None:
    """With its default, in the table."""
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    named = re.findall(r"`(\w+)`", " ".join(row.split("|")[1] for row in rows))
    assert sorted(named) == sorted(ServerSettings.model_fields)
