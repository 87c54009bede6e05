"""Which function answers which request of the Hub's listener."""

from __future__ import annotations

import re
from urllib.parse import unquote

from tests.hub import routes_files, routes_git, routes_read, routes_repos, routes_write
from tests.hub.handler import Route
from tests.hub.replies import HubError, Reply, as_json, no_repo
from tests.hub.state import Request

GIT = re.compile(
    r"/((?:datasets|spaces)/)?([^/]+/[^/]+?)(?:\.git)?/(info/refs|git-upload-pack|git-receive-pack|info/lfs/.*)"
)
API = re.compile(r"/api/(models|datasets|spaces)/([^/]+/[^/]+)(?:/([a-z-]+)(?:/([^/]+)(?:/(.*))?)?)?")
RESOLVE = re.compile(r"/(?:(datasets|spaces)/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
LISTING = re.compile(r"/api/(models|datasets|spaces)")
NO_NAMESPACE = re.compile(
    r"/api/(models|datasets|spaces)/[^/]+(/(revision|tree|commits|refs|preupload|commit)(/.*)?)?"
    r"|/((datasets|spaces)/)?[^/]+/resolve/.*"
)


def healthy(_request: Request) -> Reply:
    return as_json({"ok": True})


def show_log(request: Request) -> Reply:
    return as_json(request.hub.log)


def clear_log(request: Request) -> Reply:
    request.hub.log.clear()
    return as_json({})


def add_faults(request: Request) -> Reply:
    try:
        request.hub.faults.add(request.json()["faults"])
    except ValueError as error:
        raise HubError(400, str(error)) from error
    return as_json({})


def clear_faults(request: Request) -> Reply:
    request.hub.faults.clear()
    return as_json({})


FIXED: dict[tuple[str, str], Route] = {
    ("GET", "/healthz"): healthy,
    ("GET", "/_test/log"): show_log,
    ("DELETE", "/_test/log"): clear_log,
    ("POST", "/_test/faults"): add_faults,
    ("DELETE", "/_test/faults"): clear_faults,
    ("GET", "/api/whoami-v2"): routes_repos.who_am_i,
    ("POST", "/api/validate-yaml"): routes_repos.validate_yaml,
    ("POST", "/api/repos/create"): routes_repos.create,
    ("DELETE", "/api/repos/delete"): routes_repos.delete,
}
OF_REPOSITORY: dict[tuple[str, str], Route] = {
    ("GET", ""): routes_read.info,
    ("GET", "revision"): routes_read.info,
    ("GET", "tree"): routes_read.tree,
    ("POST", "paths-info"): routes_read.paths_info,
    ("GET", "refs"): routes_read.references,
    ("GET", "commits"): routes_read.commits,
    ("GET", "auth-check"): routes_repos.check_access,
    ("PUT", "settings"): routes_repos.change_settings,
    ("GET", "xet-write-token"): routes_repos.xet_token,
    ("GET", "xet-read-token"): routes_repos.xet_token,
    ("POST", "preupload"): routes_write.preupload,
    ("POST", "commit"): routes_write.post_commit,
    ("POST", "tag"): routes_write.post_tag,
    ("DELETE", "tag"): routes_write.delete_tag,
    ("POST", "branch"): routes_write.post_branch,
    ("DELETE", "branch"): routes_write.delete_branch,
    ("GET", "discussions"): routes_read.discussions,
    ("POST", "discussions"): routes_write.post_discussion,
}


def route(request: Request) -> Reply:
    """The answer to any request; what is not implemented is said so, never mistaken for a missing repository."""
    path, method = request.path, request.method
    if fixed := FIXED.get((method, path)):
        return fixed(request)
    if found := GIT.fullmatch(path):
        request.kind = (found[1] or "models/")[:-2]
        request.name, request.rest = found[2], found[3]
        return routes_git.git_http(request)
    if found := API.fullmatch(path):
        request.kind, request.name = found[1][:-1], found[2]
        request.argument, request.rest = unquote(found[4] or ""), unquote(found[5] or "")
        if chosen := OF_REPOSITORY.get((method, found[3] or "")):
            return chosen(request)
    if (found := RESOLVE.fullmatch(path)) and method in ("GET", "HEAD"):
        request.kind, request.name = (found[1] or "models")[:-1], found[2]
        request.argument, request.rest = unquote(found[3]), unquote(found[4])
        return routes_files.resolve(request)
    if (found := LISTING.fullmatch(path)) and method == "GET":
        request.kind = found[1][:-1]
        return routes_repos.list_repositories(request)
    if NO_NAMESPACE.fullmatch(path):
        raise no_repo(request.who[0] is None)
    raise HubError(501, f"not implemented by this test Hub: {method} {path}")
