"""A headless Chromium that is asked over its debugging protocol: what a page asks for, how it looks, what it says."""

import base64
import itertools
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

START_SECONDS = 60.0
WIDE, NARROW = (1280, 900), (390, 844)


class Page:
    """One tab; ``requests`` are the addresses that it asked for since it was opened."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket, self._numbers = socket, itertools.count(1)
        self.requests: list[str] = []
        self.problems: list[str] = []
        self._events: list[str] = []
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The answer to one command; AssertionError where the browser refuses it."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = self._receive()
            if message.get("id") == number:
                assert "error" not in message, f"{method}: {message['error']}"
                answer: dict[str, Any] = message["result"]
                return answer

    def _receive(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._socket.recv(timeout=START_SECONDS))
        method, parameters = message.get("method", ""), message.get("params", {})
        self._events.append(method)
        if method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.problems.append(str(parameters["exceptionDetails"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.problems.append(parameters["entry"]["text"])
        return message

    def show(self, size: tuple[int, int], scheme: str = "light") -> None:
        """Take the size of a window and a colour scheme."""
        width, height = size
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, path: Path | str) -> float:
        """The seconds until a file or an address is loaded and drawn."""
        self._events.clear()
        start = time.perf_counter()
        self.call("Page.navigate", url=path if isinstance(path, str) else path.absolute().as_uri())
        while "Page.loadEventFired" not in self._events:
            self._receive()
        self.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")
        return time.perf_counter() - start

    def evaluate(self, script: str) -> Any:
        """The value of an expression in the page, awaited where it is a promise."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, f"{script[:80]}: {found['exceptionDetails']}"
        return found["result"].get("value")

    def load_pictures(self) -> int:
        """Scroll to every picture, so that none is left that loads later; their number."""
        script = """(async () => {
            const pictures = [...document.images];
            for (const one of pictures) { one.loading = "eager"; await one.decode(); }
            return pictures.length })()"""
        return int(self.evaluate(script))

    def press(self, key: str, times: int = 1) -> None:
        """Press a key such as Tab."""
        for _ in range(times):
            for kind in ("keyDown", "keyUp"):
                self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode={"Tab": 9}[key])

    def strike(self, key: str) -> None:
        """Strike a letter, a digit or a named key as a person does."""
        code = f"Key{key.upper()}" if key.isalpha() and len(key) == 1 else f"Digit{key}" if key.isdigit() else key
        number = {"Enter": 13, "Escape": 27, "Delete": 46}.get(key, ord(key[0].upper()))
        text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            more = text if kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=code, windowsVirtualKeyCode=number, **more)

    def write(self, text: str) -> None:
        """Type a text into the field that has the focus."""
        self.call("Input.insertText", text=text)

    def drag(self, start: Sequence[float], end: Sequence[float]) -> None:
        """Drag with the left button from one place of the window to another, as slowly as a hand."""
        ways = [(start[0] + (end[0] - start[0]) * n / 8, start[1] + (end[1] - start[1]) * n / 8) for n in range(9)]
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=ways[0][0], y=ways[0][1])
        self._mouse("mousePressed", *ways[0])
        for place in ways[1:]:
            self._mouse("mouseMoved", *place)
            time.sleep(0.06)
        self._mouse("mouseReleased", *ways[-1])

    def _mouse(self, kind: str, x: float, y: float) -> None:
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def until(self, script: str, seconds: float = 20.0) -> float:
        """The seconds until an expression is true in the page."""
        start = time.monotonic()
        while not self.evaluate(f"Boolean({script})"):  # an element itself comes back as an empty dictionary
            assert time.monotonic() - start < seconds, f"{script}: not within {seconds} s"
            time.sleep(0.05)
        return time.monotonic() - start

    def picture(self, selector: str, path: Path) -> tuple[int, int]:
        """Write a picture of an element however long it is; its size in pixels."""
        script = f"(() => {{ const b = document.querySelector({json.dumps(selector)}).getBoundingClientRect(); \
            return [b.x + scrollX, b.y + scrollY, b.width, b.height] }})()"
        x, y, width, height = self.evaluate(script)
        clip = {"x": x, "y": y, "width": width, "height": min(height, 12_000), "scale": 1}
        taken = self.call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(taken["data"]))
        return round(width), round(height)


@contextmanager
def chromium(work: Path) -> Iterator[Page]:
    """A page of a browser of its own, which ends with the block."""
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--hide-scrollbars"]
    profile = work / "profile"
    with (work / "chromium.log").open("wb") as log:
        browser = subprocess.Popen(
            ["chromium", *flags, f"--user-data-dir={profile}", "about:blank"],
            stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        with connect(_address(profile, browser), max_size=None) as socket:
            yield Page(socket)
    finally:
        os.killpg(browser.pid, signal.SIGTERM)
        browser.wait()


def _address(profile: Path, browser: "subprocess.Popen[bytes]") -> str:
    """Where the browser's first page listens."""
    end = time.monotonic() + START_SECONDS
    told = profile / "DevToolsActivePort"
    while not (told.is_file() and told.read_text().count("\n")):
        assert browser.poll() is None, f"chromium ended with {browser.returncode}: see {profile.parent}/chromium.log"
        assert time.monotonic() < end, "chromium did not start"
        time.sleep(0.1)
    port = told.read_text().splitlines()[0]
    tabs = httpx.get(f"http://127.0.0.1:{port}/json/list", timeout=START_SECONDS, trust_env=False).json()
    return str(next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page"))
