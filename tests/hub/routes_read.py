"""Reading a repository: what it is, which files, references and commits it has."""

from __future__ import annotations

import contextlib
import json
import re
import urllib.parse
from pathlib import Path
from typing import Any

import yaml

from tests.hub.git_store import Entry, git
from tests.hub.replies import Reply, as_json, iso, no_entry, truthy
from tests.hub.routes_repos import short_id
from tests.hub.state import Hub, Request

CARD = re.compile(rb"\A---[ \t]*\r?\n(.*?)\r?\n---", re.DOTALL)
REFERENCES = (("refs/heads/", "branches"), ("refs/tags/", "tags"), ("refs/pr/", "pullRequests"))


def info(request: Request) -> Reply:
    """The repository at a revision, ``main`` where none is named."""
    repo, hub = request.repo(), request.hub
    commit = hub.store.commit_of(repo, request.argument or "main")
    files = hub.store.files(repo, commit)
    card = _card(hub, repo, files)
    facts = {
        "_id": short_id(request.name),
        "id": request.name,
        "author": request.name.split("/")[0],
        "sha": commit,
        "lastModified": iso(hub.store.commits(repo, commit, limit=1)[0]["date"]),
        "createdAt": hub.store.setting(repo, "created"),
        "private": hub.store.setting(repo, "private") == "true",
        "gated": False,
        "disabled": False,
        "tags": [],
        "downloads": 0,
        "likes": 0,
        "siblings": [_sibling(entry, truthy(request.query.get("blobs"))) for entry in files],
        "usedStorage": sum(entry["size"] for entry in files),
    }
    named = {"modelId": request.name} if request.kind == "model" else {}
    return as_json(facts | named | ({"cardData": card} if card else {}))


def _sibling(entry: Entry, blobs: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"rfilename": entry["path"]}
    if blobs:
        row |= {"size": entry["size"], "blobId": entry["oid"]}
    if blobs and "lfs" in entry:
        large = entry["lfs"]
        row["lfs"] = {"sha256": large["oid"], "size": large["size"], "pointerSize": large["pointerSize"]}
    return row


def _card(hub: Hub, repo: Path, files: list[Entry]) -> Any:
    readme = next((entry for entry in files if entry["path"] == "README.md"), None)
    found = CARD.match(hub.store.blob(repo, readme["oid"])) if readme else None
    with contextlib.suppress(yaml.YAMLError):
        return json.loads(json.dumps(yaml.safe_load(found[1]), default=str)) if found else None
    return None


def tree(request: Request) -> Reply:
    """Files and folders of a revision, page by page."""
    repo, store, path = request.repo(), request.hub.store, request.rest.strip("/")
    commit = store.commit_of(repo, request.argument)
    if path and (found := store.entry(repo, commit, path)) and found["type"] == "file":
        raise no_entry(path)
    rows = store.tree(repo, commit, path, truthy(request.query.get("recursive")))
    expanded = truthy(request.query.get("expand"))
    limit = min(int(request.query.get("limit") or (100 if expanded else 1000)), 1000)
    start = int(request.query.get("cursor") or 0)
    page = rows[start : start + limit]
    if expanded:
        _expand(request, repo, commit, page)
    more = {"cursor": start + limit, "limit": limit} if start + limit < len(rows) else None
    return as_json(page, headers=_next(request, more))


def _next(request: Request, values: dict[str, int] | None) -> dict[str, str]:
    if values is None:
        return {}
    query = urllib.parse.urlencode(request.query | {name: str(value) for name, value in values.items()})
    return {"Link": f'<{request.hub.endpoint}{request.path}?{query}>; rel="next"'}


def _expand(request: Request, repo: Path, commit: str, rows: list[Entry]) -> None:
    for row in rows:
        last = request.hub.store.commits(repo, commit, limit=1, path=row["path"])[0]
        row["lastCommit"] = {"id": last["id"], "title": last["title"], "date": iso(last["date"])}


def paths_info(request: Request) -> Reply:
    """The named files and folders; those that are missing are left out."""
    repo, store = request.repo(), request.hub.store
    commit, body = store.commit_of(repo, request.argument), request.read_body()
    if "json" in request.headers.get("Content-Type", ""):
        wanted = json.loads(body)
        paths, expanded = wanted["paths"], wanted.get("expand")
    else:
        form = urllib.parse.parse_qs(body.decode(), keep_blank_values=True)
        paths, expanded = form.get("paths", []), form.get("expand", ["false"])[0]
    listed = [paths] if isinstance(paths, str) else paths
    rows = [entry for path in listed if (entry := store.entry(repo, commit, path.strip("/")))]
    if truthy(expanded):
        _expand(request, repo, commit, rows)
    return as_json(rows)


def references(request: Request) -> Reply:
    """Branches and tags, and pull requests where asked; an annotated tag is told by the commit it points to."""
    repo = request.repo()
    found: dict[str, list[dict[str, str]]] = {"branches": [], "tags": [], "converts": []}
    if truthy(request.query.get("include_prs")):
        found["pullRequests"] = []
    listed = git(repo, "for-each-ref", "--format=%(refname)%09%(objectname)%09%(*objectname)").stdout.decode()
    for row in listed.splitlines():
        ref, oid, peeled = row.split("\t")
        for start, key in REFERENCES:
            if ref.startswith(start) and key in found:
                found[key].append({"name": ref.removeprefix(start), "ref": ref, "targetCommit": peeled or oid})
    return as_json(found)


def commits(request: Request) -> Reply:
    """Commits from a revision back, page by page."""
    repo, store = request.repo(), request.hub.store
    commit = store.commit_of(repo, request.argument)
    page, limit = int(request.query.get("p") or 0), min(int(request.query.get("limit") or 50), 1000)
    total = int(git(repo, "rev-list", "--count", commit).stdout)
    rows = store.commits(repo, commit, page * limit, limit)
    for row in rows:
        row["date"] = iso(row["date"])
        if "expand[]" in request.query:
            row["formatted"] = {"title": row["title"], "message": row["message"]}
    more = {"p": page + 1, "limit": limit} if (page + 1) * limit < total else None
    return as_json(rows, headers={"X-Total-Count": str(total)} | _next(request, more))


def discussions(request: Request) -> Reply:
    """All discussions and pull requests, on one page."""
    file = request.repo() / "discussions.json"
    rows = json.loads(file.read_text()) if file.exists() else []
    repo = {"name": request.name, "type": request.kind}
    shown = [
        {name: row[name] for name in ("num", "title", "status")}
        | {"author": {"name": row["author"]}, "createdAt": row["at"], "isPullRequest": row["pr"], "repo": repo}
        for row in rows
        if row["pr"] or request.query.get("type") != "pull_request"
    ]
    return as_json({"count": len(shown), "start": 0, "discussions": shown})
