"""Label Studio itself: tasks of a release, labels edited through its API, its export back, the release rebuilt."""

import os
import shutil
import socket
import subprocess
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson

from medmultipoints.data_lake.release.read.compare import diff_folders
from medmultipoints.data_lake.review.corrections_file import CorrectionsFile
from medmultipoints.data_lake.review.desk import Desk
from medmultipoints.data_lake.review.exchange import export_labels, import_labels
from medmultipoints.flows.recipe.corrections import parse_file
from tests.acceptance.environments import Consumer, NotInstallable, install
from tests.acceptance.t9_desk import release

TOKEN = "0123456789abcdef0123456789abcdef01234567"
START_SECONDS = 180.0
PROGRAM = "LABEL_STUDIO"
"""A variable with the path of an installed program, which is then not installed again."""


def run(work: Path) -> dict[str, Any]:
    """Boxes are moved, added and deleted through the API; the export becomes exactly these corrections."""
    program, version = label_studio(work)
    first = release(work, "1.0.0")
    desk = Desk(first)
    root = work / "served"
    root.mkdir()
    pictures = export_labels(desk, "label-studio", root / "pairs")
    with serving(program, work, root) as client:
        project = make_project(client, root)
        edited = edit(client, project)
        answer = client.get(f"/api/projects/{project}/export", params={"exportType": "JSON"})
        assert answer.status_code == 200, answer.text[:300]
    (work / "export.json").write_bytes(answer.content)
    file = CorrectionsFile(work / "corrections" / "label-studio.toml", parse_file)
    report = import_labels(desk, work / "export.json", file, "A. Reviewer", "redrawn in Label Studio")
    assert (report.changed, report.left_out) == (len(edited) - 1, []), report
    assert report.unchanged == 1
    entries = tomllib.loads(file.path.read_text("utf-8"))["corrections"]
    assert sorted(one["action"] for one in entries) == ["add_boxes", "exclude", "replace_masks"], entries
    assert {one["image"] for one in entries} == {name for name, what in edited.items() if what != "kept"}
    second = release(work, "1.1.0")
    changes = {change.what: change.count for change in diff_folders(first, second).changes}
    assert (changes["objects gained"], changes["objects lost"]) == (1, 1), changes
    return {"label_studio": version, "pictures": pictures, "edited": edited, "difference": changes}


def label_studio(work: Path) -> tuple[Path, str]:
    """The program and its version, installed where the environment names none."""
    if PROGRAM in os.environ:
        return Path(os.environ[PROGRAM]), "as installed"
    try:
        version, python = install(Consumer("label-studio"), work / "environments")
    except NotInstallable as error:
        raise AssertionError(f"Label Studio cannot be installed: {error}") from error
    return python.with_name("label-studio"), version


@contextmanager
def serving(program: Path, work: Path, root: Path) -> Iterator[httpx.Client]:
    """A client of a server on SQLite that asks no other host."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {
        "LABEL_STUDIO_BASE_DATA_DIR": str(work / "data"),
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(root),
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
    }
    words = ["start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(port), "--username"]
    words += ["curator@example.org", "--password", "secret-pass-1", "--user-token", TOKEN]
    with (work / "label-studio.log").open("wb") as log:
        server = subprocess.Popen([str(program), *words], env=os.environ | own, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(
            base_url=address, headers={"Authorization": f"Token {TOKEN}"}, timeout=120, trust_env=False
        ) as client:
            wait_for(client, server, work)
            yield client
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(work / "data", ignore_errors=True)


def wait_for(client: httpx.Client, server: "subprocess.Popen[bytes]", work: Path) -> None:
    """Wait until the server answers; AssertionError with the end of its log."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        assert server.poll() is None, (work / "label-studio.log").read_text()[-600:]
        try:
            if client.get("/health").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.5)
    raise AssertionError((work / "label-studio.log").read_text()[-600:])


def make_project(client: httpx.Client, root: Path) -> int:
    """A project with the exported interface, pictures and tasks."""
    folder = root / "pairs"
    made = said(client.post("/api/projects/", json={
        "title": "Review", "label_config": (folder / "label_config.xml").read_text(),
    }))  # fmt: skip
    project = int(made["id"])
    said(client.post("/api/storages/localfiles/", json={
        "project": project, "path": str(folder / "images"), "use_blob_urls": True,
    }))  # fmt: skip
    tasks = orjson.loads((folder / "tasks.json").read_bytes())
    imported = said(client.post(f"/api/projects/{project}/import?return_task_ids=true", json=tasks))
    assert imported["task_count"] == len(tasks), imported
    return project


def edit(client: httpx.Client, project: int) -> dict[str, str]:
    """What was done with four pictures by name: a box added, a mask deleted, one redrawn, one saved as it was."""
    tasks = said(client.get("/api/tasks/", params={"project": project, "page_size": 2000, "fields": "all"}))["tasks"]
    masked = [one for one in tasks if len(one["predictions"][0]["result"]) == 1]
    picture = client.get(masked[0]["data"]["image"])
    assert picture.status_code == 200 and picture.content[:2] == b"\xff\xd8", "the picture is not served"
    done: dict[str, str] = {}
    for task, what in zip(masked, ("box added", "mask deleted", "mask redrawn", "kept"), strict=False):
        result = changed(task["predictions"][0]["result"], what)
        body = {"result": result, "lead_time": 3.5, "parent_prediction": task["predictions"][0]["id"]}
        said(client.post(f"/api/tasks/{task['id']}/annotations/", json=body))
        done[task["data"]["source_id"]] = what
    return done


def changed(result: list[dict[str, Any]], what: str) -> list[dict[str, Any]]:
    """The regions of a task after an edit."""
    first = result[0]
    size = {name: first[name] for name in ("original_width", "original_height", "image_rotation", "to_name")}
    label = next(value for key, value in first["value"].items() if key.endswith("labels"))
    if what == "box added":
        box = {"x": 5, "y": 5, "width": 10, "height": 10, "rotation": 0, "rectanglelabels": label}
        return [*result, {"id": "new1", "from_name": "box", "type": "rectanglelabels", "value": box, **size}]
    if what == "mask deleted":
        return []
    if what == "mask redrawn":
        outline = {"points": [[20, 20], [60, 22], [58, 70], [22, 66]], "closed": True, "polygonlabels": label}
        return [{"id": first["id"], "from_name": "polygon", "type": "polygonlabels", "value": outline, **size}]
    return result


def said(answer: httpx.Response) -> Any:
    """The JSON of an answer; AssertionError for a refusal."""
    assert answer.status_code < 300, f"{answer.request.url}: {answer.status_code}: {answer.text[:300]}"
    return answer.json()
