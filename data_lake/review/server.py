"""Serve the desk on this machine in one process: the page, its data, and the decisions that it sends."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from importlib.resources import files
from typing import Any, Final

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from medmultipoints.data_lake.release.write.files import image_extension
from medmultipoints.data_lake.review.address import Address
from medmultipoints.data_lake.review.corrections_file import CorrectionsFile, Entries
from medmultipoints.data_lake.review.decide import (
    DecisionState,
    decide,
    decide_together,
    decided_images,
    decision_state,
    outline_mask,
    point_of,
    take_back,
    take_back_together,
)
from medmultipoints.data_lake.review.desk import SAMPLE_KIND, Desk, Row, outlines_of
from medmultipoints.data_lake.review.guards import Guard
from medmultipoints.transforms.errors import MachineError, PipelineError, UsageError
from medmultipoints.transforms.masks.run_lengths import decode_rle
from medmultipoints.transforms.records import Box
from medmultipoints.transforms.regions.boxes import join_boxes
from medmultipoints.transforms.reporting.drawing import STYLE
from medmultipoints.transforms.review.agreement import agreements
from medmultipoints.transforms.review.decisions import first_of_equals, outcome
from medmultipoints.transforms.review.region_edits import cut_box, cut_mask, join_masks, mask_code
from medmultipoints.transforms.review.sampling import check_statement

STATIC: Final = {
    "review.js": "text/javascript",
    "canvas.js": "text/javascript",
    "review.css": "text/css",
    "annotorious.js": "text/javascript",
    "annotorious.css": "text/css",
}
PING_SECONDS, LOOK_SECONDS = 10.0, 0.4
ICON: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#0b6285"/>'
    '<path d="M4 8l3 3 5-6" fill="none" stroke="#fff" stroke-width="2"/></svg>'
)


class Server:
    """The desk of one release and one corrections file."""

    def __init__(self, desk: Desk, file: CorrectionsFile) -> None:
        self.desk, self.file = desk, file
        self.closing = False

    def app(self, token: str, port: int) -> Starlette:
        """Return the application behind its guard."""
        get, post = ["GET"], ["POST"]
        routes = [
            Route("/", self.page, methods=get),
            Route("/favicon.ico", self.icon, methods=get),
            Route("/static/{name}", self.static, methods=get),
            Route("/picture/{sha}", self.picture, methods=get),
            Route("/thumbnail/{sha}", self.thumbnail, methods=get),
            Route("/api/queue", self._threaded(self.queue), methods=get),
            Route("/api/finding", self._threaded(self.finding), methods=get),
            Route("/api/decision", self._writing(decide), methods=post),
            Route("/api/undo", self._writing(take_back), methods=post),
            Route("/api/together", self._threaded(self.together), methods=post),
            Route("/api/undo-together", self._writing(take_back_together), methods=post),
            Route("/api/shape", self._threaded(self.shape), methods=post),
            Route("/events", self.events, methods=get),
        ]
        return Starlette(routes=routes, middleware=[Middleware(Guard, token=token, port=port)])

    def _threaded(self, work: Callable[[dict[str, Any]], Any]) -> Callable[[Request], Any]:
        """Return a route that runs in a thread; an error becomes a message with status 400 or 500."""

        async def answer(request: Request) -> Response:
            try:
                asked = dict(request.query_params) if request.method == "GET" else _object(await request.body())
                found = await run_in_threadpool(work, asked)
            except PipelineError as error:
                status = 500 if isinstance(error, MachineError) else 400
                return _json({"error": str(error)}, status)
            return _json(found)

        return answer

    def _writing(self, change: Callable[[Desk, CorrectionsFile, dict[str, Any]], None]) -> Callable[[Request], Any]:
        """Return a route that writes or removes decisions; the response is sent when the change is on disk."""

        def write(asked: dict[str, Any]) -> Any:
            change(self.desk, self.file, asked)
            return {"ok": True}

        return self._threaded(write)

    def queue(self, asked: dict[str, Any]) -> Any:
        """Return one row per finding: its facts, this reviewer's decision, and the number of others."""
        reviewer, entries = str(asked.get("reviewer", "")), self.file.read()
        touched = decided_images(self.desk, entries)
        checks = self._checks(entries, reviewer)
        states = {
            name: decision_state(self.desk, entries, finding)
            for name, finding in self.desk.findings.items()
            if finding["sample_id"] in touched and finding["kind"] != SAMPLE_KIND
        }
        same = self._disputes(states)
        rows = [
            self._row(finding, reviewer, states.get(name), checks) | {"same_as": same.get(name)}
            for name, finding in self.desk.findings.items()
        ]
        return {
            "title": self.desk.manifest.title,
            "file": str(self.file.path),
            "labels": self.desk.labels,
            "released": self.desk.released,
            "rows": rows,
            "statements": self._statements(entries),
        }

    def _disputes(self, states: dict[str, DecisionState]) -> dict[str, str]:
        """Return, by finding in conflict, the first one with the same decisions, so that a dispute is listed once."""
        by_image: dict[str, dict[str, Any]] = {}
        for name, state in states.items():
            if state.conflict:
                by_image.setdefault(self.desk.findings[name]["sample_id"], {})[name] = state.decisions
        return {name: first for own in by_image.values() for name, first in first_of_equals(own).items()}

    def _row(self, finding: Row, reviewer: str, state: DecisionState | None, checks: dict[str, str]) -> dict[str, Any]:
        row = {name: finding[name] for name in ("finding_id", "severity", "kind", "label", "sample_id", "iou")}
        row |= {"open": self.desk.image(finding["sample_id"]) is not None, "mine": None, "others": 0, "conflict": False}
        if finding["kind"] == SAMPLE_KIND:
            return row | {"mine": checks.get(finding["record_id"])}
        if state is None:
            return row
        mine = state.mine(reviewer)
        others = sum(one.reviewer != reviewer for one in state.decisions)
        words = mine and ("withdrawn" if mine.withdraws else "removed" if mine.removes else mine.verdict)
        return row | {"mine": words, "others": others, "conflict": state.conflict}

    def _checks(self, entries: Entries, reviewer: str) -> dict[str, str]:
        own = [
            one
            for one in entries.samples
            if one["reviewer"] == reviewer and one["manifest_root"] == self.desk.manifest.manifest_root
        ]
        return {
            name: verdict
            for one in own
            for verdict, key in (("accept", "right"), ("wrong", "wrong"))
            for name in one[key]
        }

    def _statements(self, entries: Entries) -> list[str]:
        """Return statements about the review: the agreement of reviewers, and what checked samples prove."""
        touched = {entry["image"] for entry in entries.opinions}
        twice = [
            (self.desk.seen(finding["sample_id"]), decision_state(self.desk, entries, finding).decisions)
            for finding in self.desk.findings.values()
            if finding["sample_id"] in touched and finding["kind"] != SAMPLE_KIND
        ]
        checked = [
            f"{one['reviewer']}, {one['date']}: {check_statement(one['of'], one['right'], one['wrong'])}"
            for one in entries.samples
        ]
        return [one.words for one in agreements(twice)] + checked

    def finding(self, asked: dict[str, Any]) -> Any:
        """Return everything shown about one finding; decisions of others only once this reviewer has decided."""
        finding, reviewer = self.desk.finding(str(asked.get("id", ""))), str(asked.get("reviewer", ""))
        shown = self.desk.show(finding)
        state = decision_state(self.desk, self.file.read(), finding)
        mine, seen = state.mine(reviewer), self.desk.seen(finding["sample_id"])
        visible = [one for one in state.decisions if one.reviewer == reviewer or mine or state.conflict]
        decisions = [
            {
                **asdict(one),
                "entries": len(one.entries),
                "mine": one.reviewer == reviewer,
                "settles": one.settles,
                "withdraws": one.withdraws,
                "objects": _boxes(outcome(seen, one.entries)),
            }
            for one in visible
        ]
        return shown | {"decisions": decisions, "others": len(state.decisions) - bool(mine), "conflict": state.conflict}

    def together(self, asked: dict[str, Any]) -> Any:
        """Write one decision about many findings of a kind."""
        return {"done": decide_together(self.desk, self.file, asked)}

    def shape(self, asked: dict[str, Any]) -> Any:
        """Join drawn objects, or cut one in two along a line: by pixels for masks, by sides for boxes."""
        try:
            width, height = (int(side) for side in asked["size"])
            objects = [dict(one) for one in asked["objects"]]
            masked = all(one.get("outlines") or one.get("rle") for one in objects)
            parts = _mask_parts(objects, asked, (width, height)) if masked else _box_parts(objects, asked)
        except (KeyError, TypeError, IndexError) as error:
            raise UsageError("size, objects and a line are needed. Reload the page.") from error
        except ValueError as error:
            raise UsageError(f"{error}. Draw it again.") from error
        return {"parts": parts}

    async def page(self, _request: Request) -> Response:
        """Return the page."""
        return Response(_page_file("review.html"), media_type="text/html")

    async def static(self, request: Request) -> Response:
        """Return a script or style of the page."""
        name = request.path_params["name"]
        if name == "drawing.css":
            return Response(STYLE, media_type="text/css")
        return Response(_page_file(name), media_type=STATIC[name]) if name in STATIC else Response(status_code=404)

    async def icon(self, _request: Request) -> Response:
        """Return the icon of the page."""
        return Response(ICON, media_type="image/svg+xml")

    async def picture(self, request: Request) -> Response:
        """Return the released bytes of a picture."""
        data = await run_in_threadpool(self.desk.pictures.read, request.path_params["sha"])
        kind = {"jpg": "image/jpeg"}.get(image_extension(data or b"") or "", "image/png")
        return Response(data, media_type=kind) if data else Response(status_code=404)

    async def thumbnail(self, request: Request) -> Response:
        """Return a small picture."""
        data = await run_in_threadpool(self.desk.pictures.thumbnail, request.path_params["sha"])
        return Response(data, media_type="image/webp") if data else Response(status_code=404)

    async def events(self, _request: Request) -> Response:
        """Return a stream of events, one for every change of the corrections file by anyone."""
        return StreamingResponse(self._events(), media_type="text/event-stream")

    async def _events(self) -> AsyncIterator[str]:
        known, waited = self.file.stamp(), 0.0
        yield "retry: 500\n\n"
        while not self.closing:
            await asyncio.sleep(LOOK_SECONDS)
            waited += LOOK_SECONDS
            if (now := self.file.stamp()) != known:
                known, waited = now, 0.0
                yield "event: changed\ndata: {}\n\n"
            elif waited >= PING_SECONDS:
                waited = 0.0
                yield ": ping\n\n"


def serve(desk: Desk, file: CorrectionsFile, address: Address) -> None:
    """Serve until a signal."""
    server = Server(desk, file)
    app = server.app(address.token, address.port)
    config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1, lifespan="off")
    try:
        uvicorn.Server(config).run(sockets=[address.listener])
    finally:
        server.closing = True
        address.listener.close()


def _mask_parts(objects: list[dict[str, Any]], asked: dict[str, Any], size: tuple[int, int]) -> list[dict[str, Any]]:
    masks = [_mask(one, size) for one in objects]
    parts = [join_masks(masks)] if asked.get("join") else cut_mask(masks[0], *map(point_of, asked["cut"]))
    rles = [mask_code(part) for part in parts]
    return [{"rle": rle, "outlines": outlines_of(rle, size)} for rle in rles]


def _box_parts(objects: list[dict[str, Any]], asked: dict[str, Any]) -> list[dict[str, Any]]:
    boxes = [Box(*map(float, one["box"])) for one in objects]
    parts = [join_boxes(boxes)] if asked.get("join") else cut_box(boxes[0], *map(point_of, asked["cut"]))
    return [{"box": [box.x1, box.y1, box.x2, box.y2]} for box in parts]


def _mask(one: dict[str, Any], size: tuple[int, int]) -> Any:
    return decode_rle(one["rle"], size[1], size[0]) if one.get("rle") else outline_mask(one["outlines"], size)


def _boxes(objects: list[tuple[str, Box]] | None) -> list[Any] | None:
    return None if objects is None else [[label, [box.x1, box.y1, box.x2, box.y2]] for label, box in objects]


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UsageError("the request is not JSON. Reload the page.") from error
    if not isinstance(found, dict):
        raise UsageError("the request is not a JSON object. Reload the page.")
    return found


def _json(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")


def _page_file(name: str) -> bytes:
    return files("medmultipoints.data_lake.review").joinpath("page", name).read_bytes()
