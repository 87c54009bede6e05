"""A Prefect server apart from everything else, that can be taken away and brought back; PostgreSQL for it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
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
    server = Server(home, free_port(), database)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def postgresql() -> Iterator[str]:
    """The address of an empty database in a PostgreSQL of its own; the system's package, which refuses to be root."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    assert folders or shutil.which("initdb"), "PostgreSQL: not installed. Install with the system's package manager."
    programs = folders[-1] if folders else Path(str(shutil.which("initdb"))).parent
    user = "postgres" if os.geteuid() == 0 else None
    data, port = Path(tempfile.mkdtemp(prefix="postgresql-")), free_port()
    if user:
        shutil.chown(data, user)
    options = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
    with (data.parent / f"{data.name}.log").open("w") as log:
        create = [programs / "initdb", "-D", data / "data", "-A", "trust", "-U", "prefect", "--no-sync"]
        subprocess.run(create, user=user, stdout=log, stderr=log, check=True, cwd=data)
        serve = [programs / "postgres", "-D", data / "data", "-p", str(port), *options]
        process = subprocess.Popen(serve, user=user, stdout=log, stderr=log, cwd=data)
        try:
            until(lambda: _listens(port), "PostgreSQL")
            yield f"postgresql+asyncpg://prefect@127.0.0.1:{port}/postgres"
        finally:
            process.send_signal(signal.SIGINT)  # ends the connections that are left
            process.wait(60)
            shutil.rmtree(data)
            Path(log.name).unlink()


def database_size(home: Path, database: str) -> int:
    """The bytes of a server's database: of the SQLite files in its home, or as PostgreSQL counts them."""
    if not database:
        return sum(path.stat().st_size for path in home.glob("prefect.db*"))
    question = "select pg_database_size(current_database())"
    plain = database.replace("+asyncpg", "")
    done = subprocess.run(["psql", plain, "-tAc", question], check=True, capture_output=True, text=True)
    return int(done.stdout)


def _listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0
