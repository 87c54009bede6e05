"""Files by address: resolved on the Hub, large ones sent and fetched on the storage."""

from __future__ import annotations

import io
import os
import re
import urllib.parse

from tests.hub.replies import HubError, Reply, no_entry
from tests.hub.state import Request

OBJECT = re.compile(r"/lfs/([0-9a-f]{64})")
BINARY = "application/octet-stream"


def resolve(request: Request) -> Reply:
    """A file of a revision; a large one is a redirect to the storage, which is another host."""
    repo, hub = request.repo(), request.hub
    commit = hub.store.commit_of(repo, request.argument)
    entry = hub.store.entry(repo, commit, request.rest)
    headers = {"X-Repo-Commit": commit}
    if not entry or entry["type"] != "file":
        reply = no_entry(request.rest).reply()
        reply.headers |= headers | {"X-Error-Message": "Entry not found"}
        return reply
    headers["ETag"] = f'"{entry["oid"]}"'
    if "lfs" not in entry:
        made = hub.blobs.root / "tmp" / f"blob-{entry['oid']}"
        if not made.exists():
            part = hub.blobs.temporary()
            part.write_bytes(hub.store.blob(repo, entry["oid"]))
            os.replace(part, made)
        return Reply(headers=headers, file=made, content_type=BINARY)
    oid, size = entry["lfs"]["oid"], entry["lfs"]["size"]
    filename = urllib.parse.quote(request.rest.rsplit("/")[-1])
    linked = {"X-Linked-Etag": f'"{oid}"', "X-Linked-Size": str(size), "ETag": f'"{oid}"'}
    place = {"Location": hub.blobs.signed("get", oid, filename=filename)}
    return Reply(302, headers=headers | linked | place, content_type="text/plain")


def storage(request: Request) -> Reply:
    """The blob host: signed addresses only; a token that reaches it is a leak and is refused."""
    blobs, query = request.hub.blobs, request.query
    if request.headers.get("Authorization"):
        raise HubError(400, "Only one auth mechanism allowed")
    found = OBJECT.fullmatch(request.path)
    if not found:
        raise HubError(404, "NoSuchKey")
    oid, action, part = found[1], query.get("a", ""), query.get("part", "")
    expires = query.get("exp", "0")
    if not blobs.is_signed(query.get("sig", ""), expires, action, oid, int(expires), part):
        raise HubError(403, "SignatureDoesNotMatch")
    if request.method in ("GET", "HEAD") and action == "get":
        if not blobs.path(oid).exists():
            raise HubError(404, "NoSuchKey")
        shown = {"Content-Disposition": f'inline; filename="{query["fn"]}"'} if "fn" in query else {}
        return Reply(headers={"ETag": f'"{oid}"'} | shown, file=blobs.path(oid), content_type=BINARY)
    if request.method == "PUT" and action == "put":
        return _put(request, oid, part)
    raise HubError(405, "MethodNotAllowed")


def _put(request: Request, oid: str, part: str) -> Reply:
    blobs = request.hub.blobs
    if request.has_length():
        stream, length = request.stream, int(request.headers["Content-Length"])
    else:
        body = request.read_body()
        stream, length = io.BytesIO(body), len(body)
    made, sha256 = blobs.receive(None if part else oid, stream, length)
    if part:
        os.replace(made, blobs.part_path(oid, part))
    else:
        blobs.keep(oid, made)
    return Reply(headers={"ETag": f'"{sha256}"'})
