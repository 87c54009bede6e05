"""The command line: exit codes, messages that say what to do, JSON for machines."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest
from PIL import Image

from medmultipoints.flows.cli.app import COMMANDS as NAMES
from medmultipoints.flows.cli.app import load, main
from medmultipoints.flows.cli.building.build import print_outcome
from medmultipoints.flows.engine.execute import Outcome
from medmultipoints.flows.stages.pipeline import PIPELINE
from medmultipoints.transforms.errors import PipelineError
from tests.flows.small_builds import build


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


class Exited(BaseException):
    """Stands for the end of the process."""


Cli = Callable[..., Ended]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    """Run a command in this process, in an empty folder, up to where the process would end."""
    monkeypatch.chdir(tmp_path)
    for name in ("LAKE_ROOT", "MEDMULTIPOINTS_LAKE"):
        monkeypatch.delenv(name, raising=False)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def leave(code: int) -> None:
        raise Exited(code)

    def run(*arguments: object) -> Ended:
        monkeypatch.setattr(os, "_exit", leave)
        monkeypatch.setattr(sys, "argv", ["medmultipoints", *map(str, arguments)])
        with pytest.raises(Exited) as exited:
            main()
        printed = capsys.readouterr()
        return Ended(exited.value.args[0], printed.out, printed.err)

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


def given(sources: dict[str, str]) -> list[str]:
    """The sources as options."""
    return [word for name, path in sources.items() for word in ("--source", f"{name}={path}")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["build"], "error: Missing argument 'recipe'. See `medmultipoints --help`."),
        (
            ["build", "demo", "--workers", "0"],
            "error: Invalid value for '--workers': must be greater than or equal to 1. ",
        ),
        (
            ["publish", "any", "--to", "versions", "--branch", "bad name"],
            "error: --branch bad name: not a valid branch name. Use letters,",
        ),
        (["build", "demo", "--colour"], "error: No such option: --colour"),
        (["biuld"], "error: No such command 'biuld'."),
        (
            ["build", "dmeo"],
            "error: no recipe 'dmeo': perhaps 'demo' is meant. Give one of audited, demo, published or the path",
        ),
        (
            ["build", "demo", "--source", "hyperkvasir"],
            "error: --source hyperkvasir: write it as NAME=PATH, for example hyperkvasir=~/data/hyper-kvasir.",
        ),
        (["build", "demo", "--source", "=x"], "error: --source =x: write it as NAME=PATH"),
        (
            ["build", "demo", "--source", "kvasir=."],
            "error: source kvasir: the build uses hyperkvasir, kvasir_instrument, visem_tracking and no source",
        ),
        (
            ["build", "demo", "--only", "hyperkvasir", "--source", "visem_tracking=."],
            "error: source visem_tracking: the build uses hyperkvasir and no source 'visem_tracking'.",
        ),
        (
            ["build", "demo", "--source", "hyperkvasir=nowhere"],
            "error: source hyperkvasir=nowhere: there is no such file or folder.",
        ),
        (
            ["build", "demo", "--only", "hyperkvasir,kvasir"],
            "error: --only kvasir: recipe 'demo' has no such source; it has hyperkvasir, kvasir_instrument,",
        ),
        (
            ["build", "demo", "--version", "2"],
            "error: version: '2' is not a version of three numbers such as 1.2.0, or auto.",
        ),
        (
            ["build", "demo", "--version", "1.02.0"],
            "error: version: '1.02.0' is not a version of three numbers such as 1.2.0, or auto.",
        ),
        (
            ["fetch", "kvasir"],
            "error: unknown source 'kvasir'; perhaps 'hyperkvasir' is meant.",
        ),
        (["quarantine", "list"], "error: --lake lake: there is no such folder."),
        (["quarantine", "show", "anything"], "error: --lake lake: there is no such folder."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_arguments_end_in_a_message_and_code_2(cli: Cli, arguments: list[str], message: str) -> None:
    ended = cli(*arguments)
    assert ended.code == 2
    assert message in ended.err
    assert "Traceback" not in ended.err
    assert ended.out == ""


def test_a_lake_that_cannot_be_written_ends_in_code_3(cli: Cli, tmp_path: Path, sources: dict[str, str]) -> None:
    (tmp_path / "lake").write_bytes(b"a file")
    ended = cli("build", "demo", *given(sources))
    assert ended.code == 3
    assert "A file is in the place of a folder: choose another folder with --lake." in ended.err


@pytest.mark.parametrize("command", [["verify"], ["show"], ["export", "--to", "out"]], ids=lambda words: words[0])
def test_a_folder_that_is_no_release_is_said_to_be_none(cli: Cli, tmp_path: Path, command: list[str]) -> None:
    ended = cli(*command, tmp_path)
    assert ended.code == 2
    told = " ".join((ended.out + ended.err).split())
    assert f"{tmp_path} is not a release: it has no manifest.json. Give the folder of a release." in told
    assert not (tmp_path / "out").exists()


def test_verify_says_ok_of_a_sound_release(cli: Cli, first: Outcome) -> None:
    ended = cli("verify", first.release.path, "--json")
    assert ended.code == 0
    report = json.loads(ended.out)
    assert report["ok"]
    assert {check["ok"] for check in report["checks"]} == {True}


def test_verify_fails_on_a_damaged_release(cli: Cli, lake: Path) -> None:
    release = lake / "releases" / "small" / "1.0.0"
    (release / "README.md").unlink()
    (release / "README.md").write_text("Another card.\n")
    ended = cli("verify", release)
    assert ended.code == 1
    assert "checks failed: do not use this copy; get or build it again." in ended.err
    assert "README.md" in ended.out


def test_show_tells_what_a_release_holds(cli: Cli, first: Outcome) -> None:
    ended = cli("show", first.release.path, "--json")
    shown = json.loads(ended.out)
    assert (ended.code, shown["name"], shown["version"]) == (0, "small", "1.0.0")
    assert shown["manifest_root"] == first.release.manifest_root
    assert shown["records"] == first.table("records").height
    assert "manifest_root" in cli("show", first.release.path).out


def test_export_writes_the_pictures(cli: Cli, first: Outcome, tmp_path: Path) -> None:
    ended = cli("export", first.release.path, "--to", tmp_path / "out", "--json")
    assert ended.code == 0
    assert json.loads(ended.out)["images"] == len(list((tmp_path / "out" / "images").iterdir()))


def test_a_finished_build_is_kept_without_a_server(
    cli: Cli, lake: Path, recipe: str, sources: dict[str, str], first: Outcome
) -> None:
    """The JSON object that ends standard output has the promised keys; everything else goes to standard error."""
    ended = cli("build", recipe, "--lake", lake, *given(sources), "--json")
    assert ended.code == 0
    found = json.loads(ended.out)
    assert {"release", "manifest_root", "stages", "seconds"} <= set(found)
    assert Path(found["release"]) == lake / "releases" / "small" / "1.0.0"
    assert found["manifest_root"] == first.release.manifest_root
    keys = {"name", "in", "used", "dropped", "rejected", "rows", "kept", "seconds", "times"}
    assert [set(stage) for stage in found["stages"]] == [keys] * len(PIPELINE)
    assert {stage["kept"] for stage in found["stages"]} == {True}
    assert ended.err.count("\n") == 1
    assert ended.err.startswith("small 1.0.0, boxes ")
    assert not (lake / "prefect").exists()


def test_an_unchanged_build_is_said_in_three_lines_at_most(
    cli: Cli, lake: Path, recipe: str, sources: dict[str, str]
) -> None:
    first, *others = cli("build", recipe, "--lake", lake, *given(sources)).out.splitlines()
    assert first.startswith("nothing changed: small 1.0.0 is up to date (checked in ")
    assert others == ["release     lake/releases/small/1.0.0"]


def test_the_result_of_a_build_is_shown_with_reasons_and_places(first: Outcome, capsys, monkeypatch) -> None:
    monkeypatch.chdir(first.build.lake.root.parent)
    print_outcome(first)
    out = capsys.readouterr().out
    assert len(out.splitlines()) <= 16
    assert "truncated_image" in out
    assert "small 1.0.0: " in out
    assert "lake/releases/small/1.0.0\n" in out
    assert "lake/releases/small/1.0.0/quarantine\n" in out
    assert first.release.manifest_root in out


def test_a_version_that_is_taken_ends_in_code_2_and_a_proposal(
    cli: Cli, lake: Path, recipe: str, sources: dict[str, str], first: Outcome
) -> None:
    """The stages are finished, so that no server starts: only the folder holds another release."""
    release = lake / "releases" / "small" / "1.0.0"
    manifest = (release / "manifest.json").read_text()
    shutil.move(release / "manifest.json", release / "old.json")
    (release / "manifest.json").write_text(manifest.replace(first.release.manifest_root, "0" * 64))
    ended = cli("build", recipe, "--lake", lake, *given(sources))
    assert ended.code == 2
    assert "error: release small 1.0.0 exists with other content and is never changed." in ended.err
    assert "Build it as --version 1.0.1, or as --version auto" in ended.err


def test_a_version_that_something_else_made_is_refused_before_any_work(
    cli: Cli, lake: Path, recipe: str, sources: dict[str, str], first: Outcome, tmp_path: Path
) -> None:
    """Another recipe under the same version: it is told at once, and with late it is built first."""
    other = tmp_path / "other.toml"
    other.write_text(Path(recipe).read_text().replace("seed = 5", "seed = 6"))
    ended = cli("build", other, "--lake", lake, *given(sources))
    assert ended.code == 2
    assert "error: release small 1.0.0 exists and was built from another recipe" in ended.err
    assert "--check-version late" in ended.err


def test_status_shows_the_runs(cli: Cli, lake: Path) -> None:
    ended = cli("status", "--lake", lake, "--json")
    assert [run["outcome"] for run in json.loads(ended.out)["runs"]] == ["released"]
    printed = cli("status", "--lake", lake).out
    assert "released" in printed
    assert "manifest" in printed


def test_status_of_a_new_lake_points_to_the_demo(cli: Cli, tmp_path: Path) -> None:
    ended = cli("status", "--lake", tmp_path)
    assert (ended.code, ended.out) == (0, "no runs yet: try `medmultipoints demo`\n")


def test_status_makes_no_lake_of_a_misspelt_folder(cli: Cli, tmp_path: Path) -> None:
    ended = cli("status", "--lake", tmp_path / "laek")
    assert (ended.code, "laek: there is no such folder" in ended.err) == (2, True)
    assert not (tmp_path / "laek").exists()


def test_the_quarantine_lists_reasons_and_shows_inputs(cli: Cli, lake: Path) -> None:
    (hyperkvasir, instrument) = json.loads(cli("quarantine", "list", "--lake", lake, "--json").out)["reasons"]
    assert (hyperkvasir["stage"], hyperkvasir["source"], hyperkvasir["inputs"]) == ("derive", "hyperkvasir", 1)
    assert (instrument["reason"], instrument["source"]) == ("truncated_image", "kvasir_instrument")
    shown = cli("quarantine", "show", "truncated_image", "--lake", lake).out
    assert hyperkvasir["example"] in shown
    assert "derive  rejected  truncated_image" in shown
    (one,) = json.loads(cli("quarantine", "show", hyperkvasir["example"], "--lake", lake, "--json").out)["inputs"]
    assert one["key"] == hyperkvasir["example"]


def test_the_quarantine_says_what_it_does_not_hold(cli: Cli, lake: Path) -> None:
    ended = cli("quarantine", "show", "nothing_like_it", "--lake", lake)
    assert ended.code == 2
    assert (
        "no excluded input has the reason or name 'nothing_like_it'; see `medmultipoints quarantine list`." in ended.err
    )


def test_part_of_a_dropped_reason_leads_to_the_list_that_has_it(cli: Cli, lake: Path, tmp_path: Path) -> None:
    rejected = cli("quarantine", "show", "truncated_imag", "--lake", lake)
    assert (rejected.code, "see `medmultipoints quarantine list`." in rejected.err) == (2, True)
    (tmp_path / "own").mkdir()
    for number, stem in enumerate("xyz"):
        Image.effect_noise((64 + number, 48), 90).convert("RGB").save(tmp_path / "own" / f"{stem}.png")
        (tmp_path / "own" / f"{stem}.txt").write_text("0 0.5 0.5 0.4 0.4\n")
    (tmp_path / "own" / "notes.md").write_text("not a part of the dataset\n")
    source = '[sources.a]\npath = "own"\nlicence = "MIT"\n[sources.a.read]\nclasses = ["mark"]\n'
    (tmp_path / "own.toml").write_text(f'name = "own"\nversion = "1.0.0"\ntitle = "Own"\n{source}')
    build(str(tmp_path / "own.toml"), lake, {})
    dropped = cli("quarantine", "show", "not_part", "--lake", lake)
    assert (dropped.code, "see `medmultipoints quarantine list --dropped`." in dropped.err) == (2, True)


def test_recipes_and_sources_are_listed_for_people_and_machines(cli: Cli) -> None:
    recipes = json.loads(cli("recipes", "--json").out)
    assert {"demo", "published", "audited"} <= set(recipes)
    assert recipes["published"]["images"]["max_side"] == 700
    sources = json.loads(cli("sources", "--json").out)
    assert {"hyperkvasir", "kvasir_instrument", "visem_tracking"} <= set(sources)
    assert sources["hyperkvasir"]["licence"]
    assert "published" in cli("recipes").out
    assert cli("recipes", "audited").out.splitlines()[0].startswith("#")
    assert cli("recipes", "nobody").code == 2
    assert "visem_tracking" in cli("sources").out


def test_the_application_alone_shows_its_help(cli: Cli) -> None:
    ended = cli()
    assert ended.code == 2
    assert "Start with medmultipoints demo." in ended.out
    assert "error" not in ended.err


COMMANDS = [
    words for name in NAMES for words in ([[name, child] for child in getattr(load(name), "commands", {})] or [[name]])
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: " ".join(map(str, words)))
def test_every_command_helps(cli: Cli, command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """With options, with an example, and without a word of Python."""
    monkeypatch.setenv("COLUMNS", "200")
    ended = cli(*command, "--help")
    assert ended.code == 0
    assert "--json" in ended.out
    assert "Example" in ended.out
    assert re.search(rf"medmultipoints {' '.join(command)}[ `]", ended.out.partition("Example")[2])
    assert "Annotated" not in ended.out


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(map(str, words)))
def test_the_examples_of_a_command_are_ones_that_it_takes(words: list[str]) -> None:
    """Each names the command, and its arguments and options parse."""
    command = load(words[0]).commands[words[1]] if words[1:] else load(words[0])
    examples = re.findall(r"`medmultipoints ([^`>]+)", command.help.partition("Example")[2])
    assert examples
    for example in map(shlex.split, examples):
        assert words == example[: len(words)]
        command.make_context(words[-1], example[len(words) :])


@pytest.mark.parametrize("error", PipelineError.__subclasses__())
def test_every_kind_of_error_has_a_code_that_scripts_may_rely_on(error: type[PipelineError]) -> None:
    assert {"DataError": 1, "UsageError": 2, "MachineError": 3}[error.__name__] == error.exit_code


def test_the_version_is_printed(cli: Cli) -> None:
    assert cli("--version").out == f"medmultipoints {version('medmultipoints')}\n"


def test_an_error_under_json_is_one_object_on_standard_output(cli: Cli) -> None:
    ended = cli("build", "demmo", "--json")
    assert (ended.code, ended.err) == (2, "")
    error = json.loads(ended.out)["error"]
    assert error["exit"] == 2
    assert error["message"] == "no recipe 'demmo': perhaps 'demo' is meant"
    assert error["remedy"] == "Give one of audited, demo, published or the path of a TOML file."
    assert set(error) == {"exit", "message", "where", "remedy"}
    ended = cli("status", "--nonsense", "--json")
    assert json.loads(ended.out)["error"]["remedy"] == "See `medmultipoints --help`."


@pytest.mark.slow
def test_a_reader_that_leaves_ends_a_command_quietly(first: Outcome) -> None:
    """As `show | head` does."""
    command = [sys.executable, "-P", "-m", "medmultipoints", "show", str(first.release.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_defaults_come_from_a_file_above_the_working_folder(cli: Cli, tmp_path: Path, lake: Path) -> None:
    """Paths in it are relative to it; options and the environment count more."""
    (tmp_path / "medmultipoints.toml").write_text(f'[defaults]\nlake = "{lake}"\n[defaults.sources]\nx = "data/x"\n')
    assert json.loads(cli("status", "--quick", "--json").out)["runs"]
    assert "truncated_image" in cli("quarantine", "list").out
    assert "there is no such folder" in cli("status", "--lake", "elsewhere").err
    assert "the build uses" in cli("build", "demo").err
    (tmp_path / "medmultipoints.toml").write_text("[defaults]\nlak = 3\n")
    ended = cli("status")
    assert ended.code == 2
    assert "medmultipoints.toml: defaults.lak: unknown key; perhaps 'lake' is meant." in ended.err


def test_the_old_name_of_the_lakes_variable_is_read_with_a_warning(
    cli: Cli, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDMULTIPOINTS_LAKE", "")  # restored afterwards
    monkeypatch.delenv("MEDMULTIPOINTS_LAKE")
    monkeypatch.setenv("LAKE_ROOT", str(lake))
    ended = cli("status", "--quick", "--json")
    assert json.loads(ended.out)["runs"]
    assert ended.err == "warning: LAKE_ROOT is deprecated; set MEDMULTIPOINTS_LAKE instead.\n"


def test_long_work_outside_a_terminal_says_that_it_goes_on(capfd: pytest.CaptureFixture[str]) -> None:
    code = "import time; from medmultipoints.flows.cli.console import HEARTBEAT as h; h.doing = 'derive, 1 of 3 shards'"
    subprocess.run([sys.executable, "-P", "-c", f"{code}; h.start(0.2); time.sleep(0.7)"], check=True)
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) in (2, 3)
    assert lines[0] == "still running after 0 s: derive, 1 of 3 shards"


@pytest.mark.parametrize(
    "error", ["RuntimeError('no server')", "SystemExit(1)", "BrokenPipeError()", "UsageError('x')"]
)
def test_an_error_that_a_library_makes_of_an_interrupt_is_one(error: str) -> None:
    """Prefect, native libraries and imports turn it into errors of their own."""
    code = f"""
import os, signal
from medmultipoints.flows.cli import app
from medmultipoints.transforms.errors import UsageError
def command(*_, **__):
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except KeyboardInterrupt:
        raise {error} from None
app.app = command
app.main(["build"])
"""
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    said = "error: interrupted. Nothing is half-written; run the same command again to continue.\n"
    assert (done.returncode, done.stdout, done.stderr) == (130, "", said)
