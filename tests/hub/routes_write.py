"""Writing: what is to be uploaded how, commits, tags, branches, pull requests."""

from __future__ import annotations

import base64
import binascii
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from tests.hub.accounts import signed_in
from tests.hub.commits import REGULAR_MAX, Operation, commit
from tests.hub.git_store import git, has_ref
from tests.hub.replies import HubError, Reply, as_json, no_revision, now, truthy
from tests.hub.state import Hub, Request


def preupload(request: Request) -> Reply:
    """For each file: large or regular, and what stands under its path now."""
    store = request.hub.store
    repo = request.repo(write=not truthy(request.query.get("create_pr")))
    wanted = request.json()
    if len(wanted.get("files", [])) > 256:
        raise HubError(422, "too many files: at most 256")
    head = store.commit_of(repo, request.argument)
    there = {entry["path"]: entry for entry in store.files(repo, head)}

    def rules(name: str, key: str) -> str:
        if wanted.get(key) is not None:
            return str(wanted[key])
        return store.blob(repo, there[name]["oid"]).decode() if name in there else ""

    paths = [file["path"] for file in wanted["files"]]
    large, ignored = _match(
        request.hub, rules(".gitattributes", "gitAttributes"), rules(".gitignore", "gitIgnore"), paths
    )
    rows = []
    for file in wanted["files"]:
        path = file["path"]
        binary = b"\0" in base64.b64decode(file.get("sample") or "")
        mode = "lfs" if path in large or file["size"] > REGULAR_MAX or binary else "regular"
        row = {"path": path, "uploadMode": mode, "shouldIgnore": path in ignored}
        if entry := there.get(path):
            row["oid"] = entry["lfs"]["oid"] if "lfs" in entry else entry["oid"]
        rows.append(row)
    return as_json({"files": rows, "commitOid": head})


def _match(hub: Hub, attributes: str, ignore: str, paths: list[str]) -> tuple[set[str], set[str]]:
    """Paths that git would treat as large, and those that it would ignore."""
    stdin = "".join(path + "\0" for path in paths).encode()
    with tempfile.TemporaryDirectory(dir=hub.root / "tmp") as name:
        folder = Path(name)
        git(folder, "init", "-q")
        (folder / ".gitattributes").write_text(attributes)
        (folder / ".gitignore").write_text(ignore)
        told = git(folder, "check-attr", "-z", "--stdin", "filter", stdin=stdin).stdout.decode().split("\0")
        left = git(folder, "check-ignore", "-z", "--stdin", "--no-index", stdin=stdin, check=False).stdout.decode()
    large = {told[place] for place in range(0, len(told) - 2, 3) if told[place + 2] == "lfs"}
    return large, {path for path in left.split("\0") if path and ignore}


def post_commit(request: Request) -> Reply:
    """One commit on a branch, or on a new pull request."""
    as_pull_request = truthy(request.query.get("create_pr"))
    repo, hub = request.repo(write=not as_pull_request), request.hub
    user = signed_in(request.who)
    header, operations = _payload(request.read_body())
    base = request.argument if request.argument.startswith("refs/") else f"refs/heads/{request.argument}"
    if not has_ref(repo, base):
        raise no_revision(request.argument)
    target, number = base, None
    if as_pull_request:
        number = _new_discussion(hub, repo, header["summary"], header.get("description", ""), user, True, base)
        target = f"refs/pr/{number}"
    oid = commit(hub.store, hub.blobs, repo, base, target, header, operations, user)
    url = hub.url(request.kind, request.name)
    made = {"success": True, "commitOid": oid, "commitUrl": f"{url}/commit/{oid}", "hookOutput": ""}
    return as_json(made | ({"pullRequestUrl": f"{url}/discussions/{number}"} if number else {}))


def _payload(body: bytes) -> tuple[dict[str, Any], list[Operation]]:
    header: dict[str, Any] | None = None
    operations: list[Operation] = []
    try:
        for line in filter(bytes.strip, body.splitlines()):
            item = json.loads(line)
            key, value = item["key"], item["value"]
            if key == "header":
                header = {"summary": value["summary"]} | value
            else:
                operations.append(_operation(key, value))
    except (KeyError, ValueError, binascii.Error) as error:
        raise HubError(400, f"Invalid commit payload: {error}") from error
    if header is None:
        raise HubError(400, "Invalid commit payload: no header")
    return header, operations


def _operation(key: str, value: dict[str, Any]) -> Operation:
    if key == "file":
        text = value["content"]
        data = base64.b64decode(text, validate=True) if value.get("encoding") == "base64" else text.encode()
        return "add", value["path"], data
    if key == "lfsFile":
        return "lfs", value["path"], value
    if key in ("deletedFile", "deletedEntry"):
        return "delete", value["path"], None
    if key == "deletedFolder":
        return "delete_folder", value["path"], None
    raise ValueError(f"unknown key {key!r}")


def post_tag(request: Request) -> Reply:
    repo, wanted = request.repo(write=True), request.json()
    ref = f"refs/tags/{wanted['tag']}"
    target = request.hub.store.commit_of(repo, request.argument)
    if git(repo, "check-ref-format", ref, check=False).returncode:
        raise HubError(400, f"Invalid tag name: {wanted['tag']}")
    with request.hub.store.lock(repo):
        if has_ref(repo, ref):
            raise HubError(409, f"Tag reference exists already: {ref}")
        name = str(request.who[0])
        who = {"GIT_COMMITTER_NAME": name, "GIT_COMMITTER_EMAIL": f"{name}@users.noreply.hub.test"}
        annotated = ["-a", "-m", wanted["message"]] if wanted.get("message") else []
        git(repo, "tag", *annotated, wanted["tag"], target, env=who)
    return as_json({})


def delete_tag(request: Request) -> Reply:
    return _delete_reference(request, f"refs/tags/{request.argument}")


def post_branch(request: Request) -> Reply:
    repo, wanted = request.repo(write=True), request.json()
    ref = f"refs/heads/{request.argument}"
    if request.argument.startswith("refs/") or git(repo, "check-ref-format", ref, check=False).returncode:
        raise HubError(400, "Invalid reference for a branch")
    start = request.hub.store.commit_of(repo, wanted.get("startingPoint") or "main")
    with request.hub.store.lock(repo):
        if has_ref(repo, ref):
            raise HubError(409, f"Reference {ref} already exists")
        git(repo, "update-ref", ref, start, "0" * 40)
    return as_json({})


def delete_branch(request: Request) -> Reply:
    if request.argument == "main":
        raise HubError(403, "Cannot delete refs/heads/main")
    return _delete_reference(request, f"refs/heads/{request.argument}")


def _delete_reference(request: Request, ref: str) -> Reply:
    repo = request.repo(write=True)
    if not has_ref(repo, ref):
        raise no_revision(request.argument)
    git(repo, "update-ref", "-d", ref)
    return as_json({})


def _new_discussion(hub: Hub, repo: Path, title: str, text: str, user: str, is_pr: bool, base: str) -> int:
    file = repo / "discussions.json"
    with hub.store.lock(file):
        known = json.loads(file.read_text()) if file.exists() else []
        row = {"num": len(known) + 1, "title": title, "description": text, "author": user, "at": now()}
        _write_discussions(file, [*known, row | {"pr": is_pr, "base": base, "status": "open"}])
        return len(known) + 1


def _write_discussions(file: Path, rows: list[dict[str, Any]]) -> None:
    made = file.with_suffix(".tmp")
    made.write_text(json.dumps(rows))
    os.replace(made, file)


def post_discussion(request: Request) -> Reply:
    """A new discussion or pull request, or another status of one."""
    if request.rest == "status":
        return _change_status(request)
    if request.argument:
        raise HubError(501, f"not implemented by this test Hub: {request.method} {request.path}")
    repo, wanted, user = request.repo(), request.json(), signed_in(request.who)
    is_pr = bool(wanted.get("pullRequest"))
    number = _new_discussion(request.hub, repo, wanted["title"], wanted.get("description", ""), user, is_pr, "main")
    if is_pr:
        git(repo, "update-ref", f"refs/pr/{number}", request.hub.store.commit_of(repo, "main"))
    url = f"{request.hub.url(request.kind, request.name)}/discussions/{number}"
    return as_json({"num": number, "url": url, "pullRequest": is_pr})


def _change_status(request: Request) -> Reply:
    file, status = request.repo(write=True) / "discussions.json", request.json()["status"]
    with request.hub.store.lock(file):
        rows = json.loads(file.read_text())
        rows[int(request.argument) - 1]["status"] = status
        _write_discussions(file, rows)
    event = {"id": request.argument, "type": "status-change", "createdAt": now(), "author": {"name": "someone"}}
    return as_json({"newStatus": event | {"data": {"status": status}}})
