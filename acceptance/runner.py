"""Runs the scripts one after the other; a finished one is kept while the code is the same."""

import importlib
import os
import shutil
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from acceptance.inputs import ROOT, SMALL
from acceptance.state import CodeState, code_state

Script = Callable[[Path], dict[str, Any]]

# The longest last: what is wrong shows early.
LAST = ("a5_determinism", "a7_bad_input", "a4_visem_counts", "a6_kill", "a8_benchmark", "a1_fresh_clone")


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one script; ``error`` is empty where it showed what it must."""

    name: str
    shows: str
    seconds: float
    code: CodeState
    figures: dict[str, Any] = field(default_factory=dict)
    error: str = ""

    @property
    def passed(self) -> bool:
        return not self.error


def scripts() -> tuple[str, ...]:
    """The names of all scripts, modules such as ``a2_published``, in the order in which they run."""
    found = sorted(path.stem for path in Path(__file__).parent.glob("[a-z][0-9]*_*.py"))
    return (*(name for name in found if name not in LAST), *(name for name in LAST if name in found))


def run_scripts(names: Sequence[str], folder: Path, *, redo: bool) -> list[Result]:
    """The result of each named script, in this order: run now, or kept from an earlier call."""
    results = []
    for name in names:
        code = code_state()
        kept = None if redo else read_result(folder, name, code)
        print(f"{name}: {'kept' if kept else 'running …'}", flush=True)
        result = kept or run_script(name, folder, code)
        if result is not kept:
            write_result(folder, result)
            print(f"{name}: {'shown' if result.passed else 'NOT SHOWN'} in {result.seconds:.1f} s", flush=True)
        results.append(result)
    return results


def run_script(name: str, folder: Path, code: CodeState) -> Result:
    """The result of one script, which gets an empty folder to work in; what it leaves after a failure stays."""
    module = importlib.import_module(f"acceptance.{name}")
    shows, script = str(module.__doc__).splitlines()[0], module.run
    work = folder / "work" / name
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    start = time.perf_counter()
    try:
        figures = script(work)
    except AssertionError as error:
        return Result(name, shows, time.perf_counter() - start, code, error=str(error) or traceback.format_exc())
    except Exception:  # noqa: BLE001 (whatever a script meets is its result, and the others still run)
        return Result(name, shows, time.perf_counter() - start, code, error=traceback.format_exc())
    seconds = time.perf_counter() - start
    shutil.rmtree(work, ignore_errors=True)
    return Result(name, shows, seconds, code, figures)


def write_result(folder: Path, result: Result) -> None:
    """The result as ``<name>.json``, whole or not at all."""
    target = folder / f"{result.name}.json"
    partial = target.with_suffix(".partial")
    stated = asdict(result) | {"passed": result.passed, "small": os.environ.get(SMALL) == "1"}
    partial.write_bytes(orjson.dumps(stated, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE, default=str))
    os.replace(partial, target)


def read_result(folder: Path, name: str, code: CodeState) -> Result | None:
    """The earlier result of a script that passed at full size with this very code, if there is one."""
    try:
        stated = orjson.loads((folder / f"{name}.json").read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return None
    same = stated["code"]["digest"] == code.digest and stated["small"] == (os.environ.get(SMALL) == "1")
    if not (same and stated["passed"]):
        return None
    return Result(name, stated["shows"], stated["seconds"], CodeState(**stated["code"]), stated["figures"])


def results_folder() -> Path:
    """Where results lie: ``.accept`` in the checkout."""
    folder = ROOT / ".accept"
    folder.mkdir(exist_ok=True)
    return folder
