"""An S3-compatible server in this process, with one empty bucket."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pyarrow.fs as pafs
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

BUCKET = "curators"
Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


@dataclass(slots=True)
class Traffic:
    """How an object store answers, and what it was asked so far: each request waits ``latency`` seconds."""

    latency: float = 0.0
    requests: int = 0
    received_bytes: int = 0
    sent_bytes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def metered(self, application: Application) -> Application:
        """Return the application with the delay, counted."""

        def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            time.sleep(self.latency)
            body = list(application(environ, start_response))
            with self._lock:
                self.requests += 1
                sizes = (environ.get(name) for name in ("HTTP_X_AMZ_DECODED_CONTENT_LENGTH", "CONTENT_LENGTH"))
                self.received_bytes += int(next(filter(None, sizes), 0))
                self.sent_bytes += sum(map(len, body))
            return body

        return answer


class _Handler(MotoRequestHandler):  # type: ignore[misc]
    disable_nagle_algorithm = True  # head and body are two writes


@contextmanager
def object_store(traffic: Traffic | None = None) -> Iterator[dict[str, str]]:
    """The environment in which s3:// means that server."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application = (traffic or Traffic()).metered(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=_Handler)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        host = f"127.0.0.1:{server.server_port}"
        keys = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"}
        pafs.S3FileSystem(
            access_key="any",
            secret_key="any",
            endpoint_override=host,
            scheme="http",
            region="us-east-1",
            allow_bucket_creation=True,
        ).create_dir(BUCKET)
        yield keys | {"AWS_ENDPOINT_URL": f"http://{host}", "AWS_REGION": "us-east-1"}
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
