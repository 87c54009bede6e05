"""Accounts, repositories and their settings."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import time

import yaml

from tests.hub.accounts import check_may_write, open_repository, signed_in
from tests.hub.commits import create_repository
from tests.hub.git_store import TYPES, git
from tests.hub.replies import HubError, Reply, as_json, now, truthy
from tests.hub.state import Request

NAME = re.compile(r"(?!.*--)(?!.*\.\.)[A-Za-z0-9](?:[\w.-]{0,94}[\w])?\Z")
FRONT_MATTER = re.compile(r"\A\s*---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(\r?\n|\Z)", re.DOTALL)


def short_id(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def who_am_i(request: Request) -> Reply:
    name = signed_in(request.who)
    token = {"displayName": "t", "role": request.who[1], "createdAt": now()}
    account = {"type": "user", "id": short_id(name), "name": name, "fullname": name, "email": f"{name}@hub.test"}
    state = {"emailVerified": True, "isPro": False, "avatarUrl": "", "orgs": []}
    return as_json(account | state | {"auth": {"type": "access_token", "accessToken": token}})


def validate_yaml(request: Request) -> Reply:
    """Whether the front matter of a card is a mapping; the real Hub checks values as well."""
    found = FRONT_MATTER.match(request.json()["content"])
    if not found:
        return as_json({"errors": [], "warnings": [{"message": "empty or missing yaml metadata in repo card"}]})
    try:
        problem = None if isinstance(yaml.safe_load(found[1]), dict) else "metadata is not a mapping"
    except yaml.YAMLError as error:
        problem = str(error)
    if problem is None:
        return as_json({"errors": [], "warnings": []})
    body = {"errors": [{"message": f"YAML Metadata Error: {problem}"}], "warnings": []}
    return as_json(body, 400, {"X-Error-Message": "Invalid metadata"})


def create(request: Request) -> Reply:
    wanted = request.json()
    user, kind = signed_in(request.who), wanted.get("type") or "model"
    if kind not in TYPES or not NAME.match(wanted.get("name", "")):
        raise HubError(400, "Invalid repo name or type")
    namespace = wanted.get("organization") or user
    check_may_write(request.who, namespace)
    private = wanted["visibility"] == "private" if "visibility" in wanted else bool(wanted.get("private"))
    name = f"{namespace}/{wanted['name']}"
    url = request.hub.url(kind, name)
    if not create_repository(request.hub.store, kind, name, private, user):
        raise HubError(409, f"You already created this {kind} repo: {name}", url=url)
    return as_json({"url": url, "name": name, "id": short_id(url)})


def delete(request: Request) -> Reply:
    wanted = request.json()
    name = f"{wanted.get('organization') or request.who[0]}/{wanted['name']}"
    repo = open_repository(request.hub.store, request.who, wanted.get("type") or "model", name, write=True)
    gone = request.hub.root / "tmp" / secrets.token_hex(8)
    os.rename(repo, gone)
    shutil.rmtree(gone)
    return as_json({})


def change_settings(request: Request) -> Reply:
    repo, wanted = request.repo(write=True), request.json()
    if set(wanted) - {"private", "visibility"}:
        raise HubError(501, f"not implemented by this test Hub: settings {sorted(wanted)}")
    private = wanted["visibility"] == "private" if "visibility" in wanted else bool(wanted.get("private"))
    git(repo, "config", "hub.private", str(private).lower())
    return as_json({"private": private})


def check_access(request: Request) -> Reply:
    request.repo(write=request.argument == "write")
    return as_json({})


def list_repositories(request: Request) -> Reply:
    found = []
    for repo in sorted((request.hub.root / "repos" / TYPES[request.kind]).glob("*/*.git")):
        name = f"{repo.parent.name}/{repo.stem}"
        private = truthy(request.hub.store.setting(repo, "private"))
        wanted = request.query.get("author", repo.parent.name) == repo.parent.name
        if wanted and (not private or request.who[0] == repo.parent.name):
            found.append({"_id": short_id(name), "id": name, "private": private, "tags": []})
    return as_json(found)


def xet_token(request: Request) -> Reply:
    """The address of hf_xet's own on-disk store."""
    request.repo(write="write" in request.path)
    if not request.hub.xet:
        raise HubError(404, "Xet is off on this test Hub (set HF_HUB_DISABLE_XET=1)")
    token = {"exp": int(time.time()) + 3600, "accessToken": secrets.token_hex(8)}
    return as_json({"casUrl": f"local://{request.hub.root}/cas"} | token)
