"""The git protocol, for reading, and git-lfs."""

from __future__ import annotations

import gzip
import hashlib
import time
from typing import Any
from urllib.parse import urlencode

from tests.hub.commits import OID
from tests.hub.git_store import git
from tests.hub.replies import HubError, Reply, as_json
from tests.hub.state import Request


def git_http(request: Request) -> Reply:
    """Everything below ``<repository>.git/``; ``rest`` is the part after it."""
    tail = request.rest
    if request.method == "POST" and tail == "info/lfs/objects/batch":
        return lfs_batch(request)
    if request.method == "POST" and tail == "info/lfs/verify":
        return lfs_verify(request)
    if request.method == "POST" and tail.startswith("info/lfs/complete/"):
        return lfs_complete(request, tail.rsplit("/")[-1])
    if tail != "git-upload-pack" and request.query.get("service") != "git-upload-pack":
        raise HubError(403, "git push is not served here")
    return _upload_pack(request, tail)


def _upload_pack(request: Request, tail: str) -> Reply:
    repo, body = request.repo(), request.read_body()
    if request.headers.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    environment = {
        "GIT_PROJECT_ROOT": str(repo),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{tail}",
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": urlencode(request.query),
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        "REMOTE_USER": "x",
    }
    out = git(repo, "-c", "safe.directory=*", "http-backend", stdin=body, env=environment).stdout
    head, _, data = out.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    status = int(headers.pop("Status", "200").split()[0])
    return Reply(status, data, headers, headers.pop("Content-Type", ""))


def lfs_batch(request: Request) -> Reply:
    wanted = request.json()
    upload = wanted["operation"] == "upload"
    request.repo(write=upload)
    multipart = "multipart" in wanted.get("transfers", [])
    rows = [_lfs_object(request, row["oid"], row["size"], upload, multipart) for row in wanted["objects"]]
    in_parts = any("chunk_size" in _upload_header(row) for row in rows)
    reply = as_json({"transfer": "multipart" if in_parts else "basic", "objects": rows, "hash_algo": "sha256"})
    reply.content_type = "application/vnd.git-lfs+json"
    return reply


def _upload_header(row: dict[str, Any]) -> dict[str, str]:
    header: dict[str, str] = row.get("actions", {}).get("upload", {}).get("header", {})
    return header


def _lfs_object(request: Request, oid: str, size: int, upload: bool, multipart: bool) -> dict[str, Any]:
    blobs, row = request.hub.blobs, {"oid": oid, "size": size}
    if not OID.match(oid):
        return row | {"error": {"code": 422, "message": "invalid oid"}}
    there = blobs.path(oid).exists()
    if upload:
        return row if there else row | {"actions": _upload_actions(request, oid, size, multipart)}
    if there:
        return row | {"actions": {"download": {"href": blobs.signed("get", oid)}}}
    return row | {"error": {"code": 404, "message": "Object does not exist on the server"}}


def _upload_actions(request: Request, oid: str, size: int, multipart: bool) -> dict[str, Any]:
    base, blobs = f"{request.hub.url(request.kind, request.name)}.git/info/lfs", request.hub.blobs
    upload: dict[str, Any] = {"href": blobs.signed("put", oid)}
    if blobs.part and size > blobs.part and multipart:
        count, expires = -(-size // blobs.part), int(time.time()) + 3600
        signature = blobs.sign("complete", oid, expires, f"{count}/{size}")
        query = urlencode({"exp": expires, "n": count, "size": size, "sig": signature})
        parts = {f"{number:05d}": blobs.signed("put", oid, f"{number:05d}") for number in range(1, count + 1)}
        upload = {"href": f"{base}/complete/{oid}?{query}", "header": {"chunk_size": str(blobs.part), **parts}}
    verify: dict[str, Any] = {"href": f"{base}/verify"}
    if token := request.headers.get("Authorization"):
        verify["header"] = {"Authorization": token}
    return {"upload": upload, "verify": verify}


def lfs_verify(request: Request) -> Reply:
    request.repo(write=True)
    wanted = request.json()
    stored = request.hub.blobs.path(wanted["oid"])
    if not stored.exists() or stored.stat().st_size != wanted["size"]:
        raise HubError(404, "LFS object not found")
    return as_json({})


def lfs_complete(request: Request, oid: str) -> Reply:
    """Join the parts of a large file."""
    blobs, query = request.hub.blobs, request.query
    count, size, expires = int(query["n"]), int(query["size"]), query["exp"]
    if not blobs.is_signed(query["sig"], expires, "complete", oid, expires, f"{count}/{size}"):
        raise HubError(403, "bad signature")
    wanted = request.json()
    if wanted["oid"] != oid or [part["partNumber"] for part in wanted["parts"]] != list(range(1, count + 1)):
        raise HubError(400, "invalid part list")
    made, digest = blobs.temporary(), hashlib.sha256()
    with made.open("wb") as file:
        for part in wanted["parts"]:
            data = blobs.part_path(oid, f"{part['partNumber']:05d}").read_bytes()
            if part["etag"].strip('"') != hashlib.sha256(data).hexdigest():
                raise HubError(400, "etag mismatch")
            digest.update(data)
            file.write(data)
    if digest.hexdigest() != oid:
        made.unlink()
        raise HubError(400, "content does not match its sha256")
    blobs.keep(oid, made)
    return as_json({"success": True})
