"""Restrict access to the desk to a browser on this machine that has the token; refuse pages of other sites.

Each start creates one secret, sent once in the URL and then in a cookie. Checks, in this order: the Host header (a
foreign name may resolve to this machine), the token or cookie, the Origin, the content type and size of a post.
"""

import hmac
from http.cookies import SimpleCookie
from typing import Final
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES: Final = 32 * 1024 * 1024
HEADERS: Final = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
}
WAY_IN: Final = "Open the address that `medmultipoints review serve` printed; it holds the token of this start."


class Guard:
    """Middleware that passes a request on to ``app`` if all checks pass."""

    def __init__(self, app: ASGIApp, *, token: str, port: int) -> None:
        self.app, self.token, self.cookie = app, token, f"mm_review_{port}"
        self.hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a refused request or pass it on; every response gets the security headers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def safe_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message.get("headers", []), *own]
            await send(message)

        refusal = self.refusal(scope)
        await (refusal or self.app)(scope, receive, safe_send)

    def refusal(self, scope: Scope) -> Response | None:
        """Return the response to a refused request; None for an allowed one."""
        headers = Headers(scope=scope)
        if headers.get("host") not in self.hosts:
            return PlainTextResponse("This server answers to 127.0.0.1 alone.", 421)
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token")
        if given and scope["path"] == "/" and scope["method"] == "GET":
            return self._let_in(given[0])
        if not self._knows(SimpleCookie(headers.get("cookie", "")).get(self.cookie)):
            return PlainTextResponse(WAY_IN, 403)
        origin = headers.get("origin")
        if origin is not None and origin not in {f"http://{host}" for host in self.hosts}:
            return PlainTextResponse("Requests of other pages are refused.", 403)
        if scope["method"] == "POST":
            if headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
                return PlainTextResponse("Send application/json.", 415)
            if not headers.get("content-length", "").isdigit() or int(headers["content-length"]) > MOST_BYTES:
                return PlainTextResponse("Too large.", 413)
        return None

    def _let_in(self, token: str) -> Response:
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            return PlainTextResponse(WAY_IN, 403)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(self.cookie, self.token, httponly=True, samesite="strict", path="/")
        return answer

    def _knows(self, cookie: object) -> bool:
        value = getattr(cookie, "value", "")
        return hmac.compare_digest(value.encode(), self.token.encode())
