"""Who a request comes from, and what that user may see and write."""

from __future__ import annotations

import base64
import hmac
from pathlib import Path

from tests.hub.git_store import GitStore
from tests.hub.replies import HubError, no_repo

Users = dict[str, tuple[str, str]]  # token -> (name, read | write)
Caller = tuple[str | None, str | None]


def parse_user(text: str) -> tuple[str, tuple[str, str]]:
    """Token, name and role of ``NAME:TOKEN[:read|write]``."""
    name, token, *role = text.split(":")
    return token, (name, role[0] if role else "write")


def caller(users: Users, authorization: str) -> Caller:
    """Name and role of whoever holds the token; nobody without one; 401 for a wrong one."""
    if not authorization:
        return None, None
    kind, _, token = authorization.partition(" ")
    if kind == "Basic":
        token = base64.b64decode(token).decode().partition(":")[2]
    for known, account in users.items():
        if hmac.compare_digest(known, token):
            return account
    raise HubError(401, "Invalid credentials in Authorization header")


def signed_in(who: Caller) -> str:
    """The caller's name; 401 for nobody."""
    if who[0] is None:
        raise HubError(401, "Invalid username or password.")
    return who[0]


def check_may_write(who: Caller, namespace: str) -> None:
    """A user writes in the namespace of the same name, with a token that may."""
    if signed_in(who) != namespace or who[1] != "write":
        raise HubError(403, "You don't have the rights to write in this namespace or your token is read-only")


def open_repository(store: GitStore, who: Caller, kind: str, name: str, *, write: bool = False) -> Path:
    """The repository, for callers who may see it, and write where that is asked."""
    repo, namespace = store.path(kind, name), name.split("/")[0]
    hidden = repo.exists() and store.setting(repo, "private") == "true" and who[0] != namespace
    if hidden or not repo.exists():
        raise no_repo(who[0] is None)
    if write:
        check_may_write(who, namespace)
    return repo
