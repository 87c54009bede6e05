"""Ask an OpenAI-compatible server one question about a picture: send, retry and parse the reply."""

import base64
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2
import orjson

from medmultipoints.data_lake.describe.server_settings import ServerSettings
from medmultipoints.data_lake.http.request import check_status, is_local
from medmultipoints.data_lake.http.retries import Refused, RetryPolicy, Transient, persist
from medmultipoints.transforms.descriptions.prompting import SYSTEM
from medmultipoints.transforms.descriptions.replies import Outcome
from medmultipoints.transforms.errors import MachineError

MOST_BYTES: Final = 4_000_000
"""An answer of more bytes is not one."""
_SHOWN: Final = 200
_LONG_WAIT: Final = 5
"""A wait of so many seconds is worth a message."""
_OF_THIS_PICTURE: Final = (400, 413, 422)
"""Statuses of a server that does not take one request, and may take another."""


class Unanswered(Exception):
    """The server does not answer this question; it may answer those about other pictures.

    The tokens are those of an answer that says nothing, which costs as much as one that does.
    """

    def __init__(self, problem: str, tokens_in: int = 0, tokens_out: int = 0) -> None:
        self.tokens_in, self.tokens_out = tokens_in, tokens_out
        super().__init__(problem)


@dataclass(frozen=True, slots=True)
class ChatReply:
    """A model's reply: its text, whether it answered, and its tokens; ``counted``: the server says how many."""

    text: str
    outcome: Outcome
    tokens_in: int
    tokens_out: int
    counted: bool = True


@dataclass
class Pace:
    """Limits requests to a number per minute over all threads."""

    per_minute: float
    _next: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self) -> None:
        """Block until the next request may start."""
        with self._lock:
            now = time.monotonic()
            start = max(now, self._next)
            self._next = start + 60 / self.per_minute
        time.sleep(max(0.0, start - now))


class ChatServer:
    """A server that answers questions about pictures; use it in a ``with`` block. No error shows the token."""

    def __init__(self, settings: ServerSettings, say: Callable[[str], None] = lambda _text: None) -> None:
        self.settings, self._token, self._say = settings, settings.token, say
        self._unsaid = threading.Lock()  # taken for good by the first message about a wait
        self._pace = Pace(settings.requests_per_minute)
        self._client = httpx2.Client(
            verify=httpx2.create_ssl_context(),
            follow_redirects=False,  # a redirect would send the picture and token to another host
            timeout=settings.timeout,
            trust_env=not is_local(settings.address),
        )

    def __enter__(self) -> "ChatServer":
        return self

    def __exit__(self, *_error: object) -> None:
        self._client.close()

    def ask(self, prompt: str, picture: bytes, mime: str) -> ChatReply:
        """Return the reply to a prompt about a picture.

        Unanswered if the server does not accept this picture, MachineError if the server cannot be asked.
        """
        payload = orjson.dumps(self._payload(prompt, picture, mime))
        one = self.settings
        policy = RetryPolicy(attempts=one.attempts, longest_wait=one.longest_wait, timeout=one.timeout)
        return persist(lambda: self._attempt(payload), policy, self._failed)

    def _payload(self, prompt: str, picture: bytes, mime: str) -> Mapping[str, Any]:
        url = f"data:{mime};base64,{base64.b64encode(picture).decode()}"
        parts = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": prompt}]
        one = self.settings
        return {
            "model": one.model,
            "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": parts}],
            "temperature": one.temperature,
            "seed": one.seed,
            "max_tokens": one.max_tokens,
        }

    def _attempt(self, payload: bytes) -> ChatReply:
        self._pace.wait()
        headers = {"User-Agent": "medmultipoints", "Content-Type": "application/json"}
        headers |= {"Authorization": f"Bearer {self._token}"} if self._token else {}
        address = f"{self.settings.address}/chat/completions"
        try:
            with self._client.stream("POST", address, content=payload, headers=headers) as response:
                body = _read_body(response, self.settings.timeout)
                if declined := _filtered(response.status_code, body):
                    return declined
                self._check(response, body)
        except httpx2.TimeoutException as error:
            seconds = f"{self.settings.timeout:g} s"
            raise Transient(
                f"no answer after {seconds} ({type(error).__name__}); raise timeout if it needs longer"
            ) from error
        except httpx2.TransportError as error:
            raise Transient(f"{type(error).__name__}: {error}") from error
        except Transient as busy:
            self._report_wait(busy.wait or 0)
            raise
        return read_completion(body)

    def _report_wait(self, seconds: float) -> None:
        """Say once that the server asks for a long wait, so that the command does not seem to hang."""
        if seconds >= _LONG_WAIT and self._unsaid.acquire(blocking=False):
            most = self.settings.longest_wait
            shorter = f"; asking again after {most:g} s (longest_wait)" if seconds > most else ""
            self._say(f"the server asks to wait {seconds:.0f} s{shorter}")

    def _check(self, response: httpx2.Response, body: bytes) -> None:
        if response.is_redirect:
            raise Refused(f"the server answers {response.status_code} and points elsewhere; name the final address")
        try:
            check_status(response.status_code, response.headers.get("retry-after", ""))
        except Refused as refusal:
            text = _explained(body)  # some servers repeat the token that they refuse
            shown = (text.replace(self._token, "[token]") if self._token else text)[:_SHOWN]
            if response.status_code in _OF_THIS_PICTURE:
                raise Unanswered(f"{refusal}{shown}") from None
            known = response.status_code in (401, 403)
            remedy = f"; check the token in {self.settings.token_variable}" if known else ""
            raise Refused(f"{refusal}{shown}{remedy}") from None

    def _failed(self, problem: str) -> MachineError:
        return MachineError(f"{self.settings.address}: {problem}. The answers so far are kept; run again to go on.")


def _read_body(response: httpx2.Response, seconds: float) -> bytes:
    body, end = b"", time.monotonic() + seconds
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > MOST_BYTES:
            raise Unanswered(f"the answer has more than {MOST_BYTES:,} bytes")
        if time.monotonic() > end:
            raise Transient(f"the answer is not whole after {seconds:g} s")
    return body


def _filtered(status: int, body: bytes) -> ChatReply | None:
    """Return an empty, declined reply if a content filter stopped the question, which some servers answer with 400."""
    return ChatReply("", "refused", 0, 0) if status == 400 and _error(body).get("code") == "content_filter" else None


def _error(body: bytes) -> Mapping[str, Any]:
    """Return the server's error object; empty if it cannot be read."""
    try:
        found = orjson.loads(body)["error"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return {}
    return found if isinstance(found, dict) else {"message": found}


def _explained(body: bytes) -> str:
    message = _error(body).get("message")
    return "" if message is None else f" ({' '.join(str(message).split())})"


def read_completion(body: bytes) -> ChatReply:
    """Return the reply in a response body; Transient if it is truncated, Unanswered if it is anything else."""
    content = _parse(body)
    try:
        choice = content["choices"][0]
        message, finish = choice["message"], choice.get("finish_reason")
        text = message.get("content") or ""
        declined = bool(message.get("refusal")) or finish == "content_filter"
        usage = content.get("usage") or {}
        sent, received = (max(0, int(usage.get(name) or 0)) for name in ("prompt_tokens", "completion_tokens"))
    except (KeyError, IndexError, TypeError, AttributeError, ValueError):
        raise Unanswered("the answer is not a chat completion") from None
    if not isinstance(text, str):
        raise Unanswered("the answer of the model is not a text")
    outcome: Outcome = "refused" if declined else "cut" if finish == "length" else "answered"
    return ChatReply(text, outcome, sent, received, counted=sent > 0 and (received > 0 or not text))


def _parse(body: bytes) -> Any:
    """Return the JSON value of a response body; errors as in ``read_completion``."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        problem = _problem_of_json(body.decode("utf-8", "replace").strip())
    if problem is None:
        raise Transient("the answer breaks off")
    raise Unanswered(f"the answer is not JSON{problem}")


def _problem_of_json(text: str) -> str | None:
    """Return what is wrong with a text that is not JSON; None if its end is missing."""
    if not text.startswith("{"):
        return "; name the address of an OpenAI-compatible API, as https://HOST/v1"
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        cut = not text.endswith("}") or error.pos >= len(text)
        return None if cut else f": {error}"
    except RecursionError:
        return ": it is nested too deeply"
    return ": it holds NaN or Infinity"
