"""The two listeners: the Hub on 127.0.0.1, the storage of large files on 127.0.0.2 with the same port."""

from __future__ import annotations

import threading
from http.server import ThreadingHTTPServer
from types import TracebackType

from tests.hub.handler import Handler, Route
from tests.hub.routes import route
from tests.hub.routes_files import storage
from tests.hub.state import Hub


class Listener(ThreadingHTTPServer):
    """A thread a connection."""

    daemon_threads = True
    request_queue_size = 128


class Running:
    """``with Running(hub, port=0) as running``: ``running.hub.endpoint`` is the address to use."""

    def __init__(self, hub: Hub, port: int = 0) -> None:
        self.hub = hub
        self.listeners = [Listener(("127.0.0.1", port), _handler(hub, route))]
        chosen = self.listeners[0].server_address[1]
        self.listeners.append(Listener(("127.0.0.2", int(chosen)), _handler(hub, storage)))
        hub.endpoint, hub.blobs.address = f"http://127.0.0.1:{chosen}", f"http://127.0.0.2:{chosen}"

    def __enter__(self) -> Running:
        for listener in self.listeners:
            threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for listener in self.listeners:
            listener.shutdown()
            listener.server_close()


def _handler(hub: Hub, chosen: Route) -> type[Handler]:
    return type("Handler", (Handler,), {"hub": hub, "route": staticmethod(chosen)})
