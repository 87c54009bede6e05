"""A small OpenAI-compatible server for tests: it reads the measured facts in the prompt, and says what a test wants.

``Writer`` makes a reply of the regions in a prompt. ``truthful`` says three true sentences of each picture; ``lying``
makes one in three false; ``failing`` and others answer as real servers do on a bad day.
"""

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_COUNT = re.compile(r"- number of regions called (?P<name>.+): (?P<count>\d+)\n")
_REGION = re.compile(
    r"- (?P<name>[^:\n]+): from .*?; its centre in the (?P<place>[^;]+) of the picture; "
    r"(?P<share>[\d.]+) % of the area, (?P<size>[^;]+); touches (?P<touches>[^;]+)"
)
Content = str | None
Writer = Callable[[str], Mapping[str, Any]]


@dataclass
class Received:
    """What a request held."""

    path: str
    headers: dict[str, str]
    model: str
    prompt: str
    system: str
    picture: bytes


@dataclass
class Chat:
    """A running server: what it received, and the answers that come before ``writer`` has its turn."""

    address: str
    writer: Writer
    received: list[Received] = field(default_factory=list)
    first: list[tuple[int, Mapping[str, str], bytes | None]] = field(default_factory=list)
    lies: list[str] = field(default_factory=list)


def completion(content: Content, finish: str = "stop", **message: Any) -> dict[str, Any]:
    """Return the body of a chat completion."""
    said = {"role": "assistant", "content": content} | message
    usage = {"prompt_tokens": 1000, "completion_tokens": 100}
    return {"choices": [{"index": 0, "message": said, "finish_reason": finish}], "usage": usage}


def parts(**given: list[str]) -> str:
    """Return a reply in the form that is asked for."""
    names = ("modality", "organ", "region", "appearance", "relations")
    return json.dumps({name: given.get(name, []) for name in names})


def truthful(prompt: str) -> Mapping[str, Any]:
    """Say true sentences of what the prompt measures."""
    return completion(parts(**_sentences(prompt, [])))


def lying(lies: list[str]) -> Writer:
    """Return a writer that makes every third sentence false, and adds it to ``lies``."""
    return lambda prompt: completion(parts(**_sentences(prompt, lies, lie=True)))


def _sentences(prompt: str, lies: list[str], *, lie: bool = False) -> dict[str, list[str]]:
    """Return a true sentence, or every third time a false one, of each number and each region in a prompt."""
    said = [
        ("organ", _count(name, int(number)), _count(name, int(number) + 2)) for name, number in _COUNT.findall(prompt)
    ]
    for one in _REGION.finditer(prompt):
        name = one["name"]
        said.append(("region", f"A {name} lies in the {one['place']}.", f"A {name} covers 97 % of the image."))
        said.append(("region", f"A {one['size']} {name} is visible.", f"No {name} is visible."))
    found: dict[str, list[str]] = {}
    for number, (part, true, false) in enumerate(said):
        if lie and number % 3 == 2:
            lies.append(false)
        found.setdefault(part, []).append(false if lie and number % 3 == 2 else true)
    return found


def _count(name: str, count: int) -> str:
    plural = name if name.endswith("sperm") else f"{name}s"
    return f"There is exactly one {name}." if count == 1 else f"There are exactly {count} {plural}."


@contextmanager
def chat_server(writer: Writer = truthful) -> Iterator[Chat]:
    """Run a server on this machine while the block runs."""
    chat = Chat("", writer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            system, user = (message["content"] for message in body["messages"])
            url = next(part["image_url"]["url"] for part in user if part["type"] == "image_url")
            prompt = next(part["text"] for part in user if part["type"] == "text")
            picture = base64.b64decode(url.partition(",")[2])
            headers = {name.lower(): value for name, value in self.headers.items()}
            chat.received.append(Received(self.path, headers, body["model"], prompt, system, picture))
            status, extra, data = chat.first.pop(0) if chat.first else (200, {}, None)
            data = json.dumps(chat.writer(prompt)).encode() if data is None else data
            self.send_response(status)
            for name, value in {"Content-Length": str(len(data)), **extra}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_given: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    chat.address = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield chat
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
