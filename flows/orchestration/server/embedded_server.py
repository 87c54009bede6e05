"""Run a Prefect server for one build or for ``serve``: its own home in the lake, stopped with its parent.

Prefect's own ephemeral server outlives a killed parent. This one holds the read end of a pipe whose write end only the
parent has: however the parent dies, the pipe closes and the server stops.
"""

import hashlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from filelock import FileLock, Timeout

from medmultipoints.flows.engine.running.collecting import collect_less_often, without_collecting
from medmultipoints.flows.orchestration.server.server_database import forget, is_known, is_migrated, mark, migrate
from medmultipoints.transforms.errors import LockHeld, MachineError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

START_SECONDS = 90
LOG, SERVED_AT, SERVE = "server.log", "address", "serve"
# Environment variables: the web address of lakes' reports, and the home of the ``serve`` that shows them.
REPORTS, SERVED_HOME = "MEDMULTIPOINTS_REPORTS", "MEDMULTIPOINTS_SERVED_HOME"
LAKES = "@lakes"  # the reports of other lakes, in that home and below ``/reports``
QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_SERVER_LEVEL": "CRITICAL",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "DO_NOT_TRACK": "1",
    "PYTHONSAFEPATH": "1",  # no child process runs code from its working folder
}

# A server of one run needs no schedules, automations, workers or block collections.
UNNEEDED = (
    "TRIGGERS", "SCHEDULER", "LATE_RUNS", "FOREMAN", "CANCELLATION_CLEANUP", "PAUSE_EXPIRATIONS", "REPOSSESSOR",
    "CLEANUP_RECONCILER",
)  # fmt: skip
ONE_RUN = {f"PREFECT_SERVER_SERVICES_{service}_ENABLED": "false" for service in UNNEEDED} | {
    "PREFECT_MEMOIZE_BLOCK_AUTO_REGISTRATION": "false"
}

# Task runs are written once a second together: one by one, each costs the server 20 ms. Prefect cuts the interval to
# whole seconds, and 0 would never rest.
TOGETHER = {
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "50",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
}


def nothing(_api: str) -> None:
    """Do nothing while the server starts."""


@contextmanager
def embedded_server(
    home: Path, *, port: int = 0, reports: Path | None = None, meanwhile: Callable[[str], None] = nothing
) -> Iterator[str]:
    """Run a server during the block, and yield its API address; MachineError if it does not start.

    ``port`` 0 takes any free one; ``reports`` is a folder whose pages the server shows under ``/reports``;
    ``meanwhile`` is called with the address while the server starts.
    """
    # The server process needs neither the lake nor recipes: their modules would cost it a quarter of a second.
    from medmultipoints.data_lake.store.layout import explained
    from medmultipoints.flows.engine.planning.intention import check_room

    with explained(f"the folder of the embedded Prefect server {home}"):
        home.mkdir(parents=True, exist_ok=True)
        check_room(home, "the folder of the embedded Prefect server")
    with only_server(home):
        yield from _running(home, port, reports, meanwhile)


@contextmanager
def only_server(home: Path) -> Iterator[None]:
    """Lock the home: two servers on one database would block each other."""
    lock, at = FileLock(home / ".lock"), ""
    try:
        lock.acquire(timeout=0)
    except Timeout:
        with suppress(FileNotFoundError):
            at = f" at {(home / SERVED_AT).read_text()}"
        if home.name != SERVE:
            from medmultipoints.data_lake.store.layout import another_build

            raise LockHeld(another_build(home.name, home.parent.parent)) from None
        raise LockHeld(
            f"another Prefect server for '{home.name}' is running in {home.parent.parent}{at}. "
            "Wait for it to end, or use another --lake."
        ) from None
    try:
        yield
    finally:
        lock.release()


def _running(home: Path, wanted: int, reports: Path | None, meanwhile: Callable[[str], None]) -> Iterator[str]:
    with _listen(wanted) as listening:
        port = int(listening.getsockname()[1])
        server = _start(home, listening, reports)
    try:
        meanwhile(f"http://127.0.0.1:{port}/api")
        _wait(server, port, home / LOG)
        mark(home)
        (home / SERVED_AT).write_text(f"http://127.0.0.1:{port}/v2/")
        yield f"http://127.0.0.1:{port}/api"
    finally:
        (home / SERVED_AT).unlink(missing_ok=True)
        server.kill()
        server.wait()
        if reports is None:  # the server of one build: a home of 6 MB for each name adds up
            forget(home)


def check_port(port: int) -> None:
    """Raise MachineError if another program listens on the port."""
    _listen(port).close()


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise MachineError(
            f"port {port}: {error.strerror}. Stop what uses it, or choose another with --port."
        ) from error


def _start(home: Path, listening: socket.socket, reports: Path | None) -> "subprocess.Popen[bytes]":
    """Start the server on a bound socket: another process could take a port that is merely free."""
    environment = os.environ | QUIET | TOGETHER
    environment |= {"PREFECT_HOME": str(home), "PREFECT_PROFILES_PATH": str(home / "profiles.toml")}
    # Only ``serve`` needs block types, for its pages and automations; they are registered once, which takes 2 s.
    environment["PREFECT_API_BLOCKS_REGISTER_ON_START"] = str(reports is not None and not is_known(home)).lower()
    if reports is None:
        environment |= ONE_RUN
    environment["PREFECT_API_DATABASE_MIGRATE_ON_START"] = str(not is_migrated(home)).lower()
    environment["PREFECT_UI_API_URL"] = f"http://127.0.0.1:{listening.getsockname()[1]}/api"
    with (home / LOG).open("wb") as output:
        module = "medmultipoints.flows.orchestration.server.embedded_server"
        return subprocess.Popen(
            [sys.executable, "-P", "-m", module, str(listening.fileno()), str(reports or "")],
            pass_fds=[listening.fileno()],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,  # Ctrl-C in the terminal is for the parent, which still has to report
        )


def _wait(server: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with suppress(httpx.TransportError):
            if httpx.get(f"http://127.0.0.1:{port}/api/health", trust_env=False).is_success:
                return
        time.sleep(0.1)
    how = f"within {START_SECONDS} s" if server.poll() is None else "and ended at once"
    raise MachineError(
        f"the embedded Prefect server did not start {how}; its log is {log}. "
        "Run again, or set PREFECT_API_URL to a server that is running."
    )


def _serve(listening: int, reports: str) -> None:
    """Serve in the child process on the inherited socket until the parent's end of standard input closes."""
    threading.Thread(target=_die_with_parent, daemon=True).start()
    collect_less_often()
    migrate(Path(os.environ["PREFECT_HOME"]))
    with without_collecting():
        import uvicorn
        from prefect.server.api.server import create_app
        from starlette.routing import Mount
        from starlette.staticfiles import StaticFiles

        app = create_app()
    if reports:
        Path(reports).mkdir(parents=True, exist_ok=True)
        others = Path(os.environ["PREFECT_HOME"]) / LAKES
        others.mkdir(parents=True, exist_ok=True)
        # Before the UI, which answers every other path.
        app.router.routes[:0] = [
            Mount(f"/reports/{LAKES}", StaticFiles(directory=others, html=True, follow_symlink=True)),
            Mount("/reports", StaticFiles(directory=reports, html=True)),
        ]
    own = socket.socket(fileno=listening)
    server = uvicorn.Server(uvicorn.Config(talking_to(own.getsockname()[1], app), log_level="critical"))
    server.run(sockets=[own])


def link_reports(home: Path, reports: Path) -> str:
    """Link a lake's reports into the server with this home, and return their path below ``/reports``."""
    if reports == home.parents[1] / reports.name:  # those of its own lake
        return ""
    name = hashlib.sha256(str(reports.absolute()).encode()).hexdigest()[:12]
    (home / LAKES).mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        (home / LAKES / name).symlink_to(reports.absolute())
    return f"/{LAKES}/{name}"


def talking_to(port: int, app: "ASGIApp") -> "ASGIApp":
    """Return the application with a content security policy that blocks other hosts, such as analytics."""
    hosts = [f"{kind}://{host}:{port}" for kind in ("http", "ws") for host in ("127.0.0.1", "localhost")]
    policy = f"connect-src 'self' {' '.join(hosts)}".encode()

    async def answer(scope: "Scope", receive: "Receive", send: "Send") -> None:
        async def send_with_policy(message: "Message") -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), (b"content-security-policy", policy)]
            await send(message)

        await app(scope, receive, send_with_policy)

    return answer


def _die_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    _serve(int(sys.argv[1]), sys.argv[2])
