"""The built wheel, installed outside of the clone, is the same program: same keys, same release, beside any folder."""

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a fresh environment that holds the wheel, and the packages of this one beside it."""
    folder = tmp_path_factory.mktemp("wheel")
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in filter(None, tracked.split("\0")):
        (folder / "copy" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / "copy" / name, follow_symlinks=False)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", folder]
    subprocess.run([*command, folder / "copy"], check=True)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "env", with_pip=False)
    site = next((folder / "env" / "lib").glob("python*")) / "site-packages"
    zipfile.ZipFile(wheel).extractall(site)
    # A plain line adds a folder to the path, but runs none of the .pth files in it: not the clone's.
    (site / "packages.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    return folder / "env" / "bin" / "python"


def run_build(python: Path | str, folder: Path, asked: list[str]) -> tuple[dict[str, str], str, str]:
    """Keys of all stages, root and origin of the code of a build in a folder with packages of the same names."""
    for name in ("flows", "transforms", "data_lake", "expectations"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text("raise SystemExit('the wrong package')\n")
    outside = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONSAFEPATH")}
    command = [str(python), "-m", "medmultipoints", "build", *asked, "--lake", "lake", "--json"]
    done = subprocess.run(command, cwd=folder, env=outside, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (record,) = (folder / "lake" / "runs").glob("*.json")
    where = "import medmultipoints; print(medmultipoints.__file__)"
    origin = subprocess.run(
        [str(python), "-c", where], cwd=folder, env=outside, capture_output=True, text=True, check=True
    )
    return json.loads(record.read_bytes())["keys"], json.loads(done.stdout)["manifest_root"], origin.stdout.strip()


@pytest.mark.slow
def test_wheel_and_clone_make_the_same_release_with_the_same_keys(
    installed: Path, tmp_path: Path, recipe: str, sources: dict[str, str]
) -> None:
    asked = [recipe, *(word for name, path in sources.items() for word in ("--source", f"{name}={path}"))]
    keys, root, origin = run_build(installed, tmp_path / "wheel", asked)
    assert origin.startswith(str(installed.parents[1]))
    here = run_build(sys.executable, tmp_path / "clone", asked)
    assert here[2].startswith(str(ROOT))
    assert len(keys) > 10
    assert (keys, root) == here[:2]
