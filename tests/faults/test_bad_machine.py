"""A machine that refuses (permissions, a lock, a full disk): exit 3, and nothing half-written is left."""

import ctypes
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medmultipoints.data_lake.store.layout import Lake, only_builder
from medmultipoints.flows.engine.planning.intention import LEAST_FREE
from medmultipoints.flows.engine.prepare import prepare
from medmultipoints.flows.engine.request import BuildRequest
from medmultipoints.flows.stages.pipeline import PIPELINE
from medmultipoints.transforms.errors import MachineError
from tests.faults.building import RECIPE, build, check_closed, message_of_stop, released, write_recipe
from tests.faults.tiny_sources import POLYP_ZIP, STEMS, Files, png, write_polyps

REPOSITORY = Path(__file__).resolve().parents[2]
NOT_WRITABLE = "It is not writable: change its permissions or choose another folder with --lake."


@contextmanager
def bound_by_permissions() -> Iterator[None]:
    """Even root's writes and reads are checked against the permissions of files."""
    if os.geteuid() != 0:
        yield
        return
    libc, header, held = ctypes.CDLL(None), (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, held) == 0
    without = (ctypes.c_uint32 * 6)(held[0] & ~0b110, *held[1:])  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
    assert libc.capset(header, without) == 0
    try:
        yield
    finally:
        assert libc.capset(header, held) == 0


@pytest.fixture
def source(tmp_path: Path, polyps: Files) -> dict[str, Path]:
    return {"hyperkvasir": write_polyps(tmp_path / "polyps", polyps)}


@pytest.mark.parametrize("closed", ["lake", "lake/objects", "lake/tmp", "lake/releases"])
def test_a_lake_that_is_not_writable(tmp_path: Path, source: dict[str, Path], closed: str) -> None:
    """As a whole, or a folder of it."""
    folder = tmp_path / closed
    folder.mkdir(parents=True)
    folder.chmod(0o555)
    with bound_by_permissions():
        message = message_of_stop(tmp_path, source, exit_code=3)
    folder.chmod(0o755)
    assert message.startswith(f"the lake folder {tmp_path / 'lake'}: Permission denied ({folder}/")
    assert message.endswith(NOT_WRITABLE)


def test_a_lake_at_the_path_of_a_file(tmp_path: Path, source: dict[str, Path]) -> None:
    (tmp_path / "lake").write_text("not a folder")
    assert message_of_stop(tmp_path, source, exit_code=3) == (
        f"the lake folder {tmp_path / 'lake'}: Not a directory ({tmp_path / 'lake' / 'landing'}). "
        "A file is in the place of a folder: choose another folder with --lake."
    )


def test_a_source_that_is_not_readable(tmp_path: Path, source: dict[str, Path]) -> None:
    archive = source["hyperkvasir"] / POLYP_ZIP
    archive.chmod(0)
    with bound_by_permissions():
        message = message_of_stop(tmp_path, source, exit_code=3)
    assert message == f"source: {POLYP_ZIP}: Permission denied. Check that the file is there and readable."


def test_a_recipe_that_is_not_readable(tmp_path: Path, source: dict[str, Path]) -> None:
    recipe = write_recipe(tmp_path, source)
    recipe.chmod(0)
    with bound_by_permissions(), pytest.raises(MachineError) as caught:
        prepare(BuildRequest(recipe=str(recipe), lake=str(tmp_path / "lake")), PIPELINE)
    assert str(caught.value) == f"recipe {recipe}: Permission denied. Check that the file is readable."


def test_a_second_build_of_the_same_release(tmp_path: Path, source: dict[str, Path]) -> None:
    """It stops at once; when the first has ended, it goes through."""
    with only_builder(Lake(tmp_path / "lake"), RECIPE):
        assert message_of_stop(tmp_path, source, exit_code=3) == (
            f"another build of '{RECIPE}' is running in {tmp_path / 'lake'}. Wait for it to end, or use another --lake."
        )
    outcome = build(tmp_path, source)
    assert released(outcome) == {f"hyperkvasir/{stem}" for stem in STEMS}
    check_closed(outcome)


def on_small_disk(folder: Path, size: str, *command: str) -> "subprocess.CompletedProcess[str]":
    """The command's end, run where ``folder/lake`` is a disk of that size; the test skips where none can be made."""
    (folder / "lake").mkdir()
    apart = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    mount = f'mount -t tmpfs -o size={size} none "$0" || exit 77; exec "$@"'
    try:
        ended = subprocess.run(
            [*apart, mount, str(folder / "lake"), *command],
            cwd=REPOSITORY,
            env={name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"},
            capture_output=True,
            text=True,
            timeout=300,
        )
    except FileNotFoundError:
        pytest.skip("no `unshare` here to make a small disk with")
    if ended.returncode == 77 or ended.stderr.startswith("unshare:"):
        pytest.skip(f"no small disk can be made here: {ended.stderr.strip()}")
    return ended


def test_a_disk_too_full_for_the_server(tmp_path: Path, source: dict[str, Path]) -> None:
    """The command line says so at once: without room, the embedded server would never answer."""
    recipe = write_recipe(tmp_path, source)
    program = [
        "-c",
        "from medmultipoints.flows.cli import main; main()",
        "build",
        str(recipe),
        "--lake",
        str(tmp_path / "lake"),
    ]
    given = [f"--source=hyperkvasir={source['hyperkvasir']}"]
    ended = on_small_disk(tmp_path, "4m", sys.executable, *program, *given)
    assert ended.returncode == 3
    told = " ".join(ended.stderr.split())
    assert f"less than {LEAST_FREE >> 20} MiB are left" in told
    assert "The disk is full: free space or choose another folder with --lake" in told


WITHOUT_MEMORY = """
import resource, sys
import numpy as np
from medmultipoints.transforms.errors import MachineError
from medmultipoints.transforms.records import Sample
from medmultipoints.transforms.regions.derive import DeriveParameters, derive_sample
from tests.faults.tiny_sources import png

picture, mask = png(np.zeros((6000, 6000, 3), np.uint8) + 9), png(np.zeros((6000, 6000), np.uint8))
read = {"a.png": picture, "m.png": mask}.__getitem__
names = dict.fromkeys(["organ", "finding", "classification"], "x")
sample = Sample(source="s", stem="a", image_member="a.png", mask_member="m.png", mask_label="polyp", **names)
used = int(next(line for line in open("/proc/self/status") if line.startswith("VmSize")).split()[1]) << 10
resource.setrlimit(resource.RLIMIT_AS, (used + (32 << 20), resource.RLIM_INFINITY))
try:
    print(derive_sample(sample, read, DeriveParameters()))
except MachineError as error:
    print(error)
"""


def in_a_process(*words: str, **settings: Any) -> subprocess.CompletedProcess[str]:
    """An earlier test may have left PYTHONSAFEPATH, so the tests' package is named as a path."""
    settings = {"text": True, "env": os.environ | {"PYTHONPATH": str(REPOSITORY)}} | settings
    return subprocess.run([sys.executable, *words], cwd=REPOSITORY, capture_output=True, check=False, **settings)


def test_a_picture_is_not_rejected_for_want_of_memory() -> None:
    """What is rejected must depend on the picture alone, or the machine would decide what a release holds."""
    done = in_a_process("-c", WITHOUT_MEMORY)
    assert "s/a: memory ran out. Use fewer --workers, then run again.\n" == done.stdout, done.stderr[-2000:]


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize("mebibytes", [300, 400, 500])
def test_a_command_without_memory_ends_with_a_message(mebibytes: int, options: list[str]) -> None:
    limit = (mebibytes << 20, mebibytes << 20)
    done = in_a_process(
        *("-P", "-m", "medmultipoints", "sources", *options),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, limit),
    )
    assert "Traceback" not in done.stderr
    # Libraries that ask the system for memory themselves may end the process, with a message of their own.
    if done.returncode == -signal.SIGABRT:  # Rust
        assert "memory allocation of" in done.stderr
        return
    if done.returncode == -signal.SIGSEGV:  # the allocator of Polars and Arrow, which could not start its thread
        assert "<jemalloc>" in done.stderr
        return
    assert done.returncode in (0, 2, 3)
    assert done.returncode != MachineError.exit_code or "memory ran out" in done.stdout + done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_terminal_that_is_not_utf_8_shows_escapes(tmp_path: Path, encoding: str) -> None:
    """Names that it cannot show never end a command."""
    names = ["gr\u00f6\u00dfe.png", "\u753b\u50cf.png", "fehlt\u2192.png"]
    for name in names[:2]:
        (tmp_path / name).write_bytes(png(np.zeros((48, 64), np.uint8)))
    rows = "".join(f"{name},Zelle,1,2,30,40\n" for name in names)
    (tmp_path / "b.csv").write_text(f"image,label,xmin,ymin,xmax,ymax\n{rows}", "utf-8")
    done = in_a_process(
        *("-P", "-m", "medmultipoints", "inspect", str(tmp_path)),
        env=os.environ | {"PYTHONIOENCODING": encoding},
        encoding=encoding,
    )
    assert (0, "") == (done.returncode, done.stderr)
    assert "fehlt\\u2192.png" in done.stdout
