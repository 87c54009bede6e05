"""A Prefect server apart from everything else, that can be taken away and brought back under the same address."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.acceptance.operating import Api, environment, until

CALL = "from prefect.cli import app; app()"


@dataclass(slots=True)
class Server:
    """``prefect server start`` on a port of its own; SQLite in its home, or the database that was named."""

    home: Path
    port: int
    database: str = ""
    process: "subprocess.Popen[bytes] | None" = None
    api: Api = field(init=False)

    def __post_init__(self) -> None:
        self.api = Api(f"http://127.0.0.1:{self.port}/api")

    def start(self) -> None:
        """Up, and answering."""
        settings = environment(PREFECT_HOME=str(self.home), PREFECT_SERVER_UI_ENABLED="false")
        if self.database:
            settings["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = self.database
        with (self.home.parent / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", CALL, "server", "start", "--port", str(self.port)],
                cwd=self.home.parent, env=settings, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        until(self.answers, "the server to answer")

    def answers(self) -> bool:
        """Whether the API is there."""
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.api.url}/health", trust_env=False).is_success
        return False

    def kill(self) -> None:
        """Gone at once, as after a power cut."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        until(lambda: not self.answers(), "the server to be gone")


@contextmanager
def server_apart(home: Path, database: str = "") -> Iterator[Server]:
    """A server that is up, and gone after the block."""
    home.mkdir(parents=True, exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    server = Server(home, port, database)
    server.start()
    try:
        yield server
    finally:
        server.kill()
