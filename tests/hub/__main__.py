"""``python -m tests.hub``: the test Hub as a process. See README.md beside this file."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from tests.hub.accounts import parse_user
from tests.hub.server import Running
from tests.hub.state import Hub


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.hub", description="A test Hub; not the Hugging Face Hub.")
    parser.add_argument("--root", type=Path, required=True, help="folder for repositories and large files")
    parser.add_argument("--port", type=int, default=8077, help="0 lets the system choose")
    parser.add_argument("--user", action="append", default=[], metavar="NAME:TOKEN[:read|write]")
    parser.add_argument("--lfs-part", type=int, help="large files above this size go in parts")
    parser.add_argument("--xet", action="store_true", help="serve the client's default upload path")
    parser.add_argument("--while-stdin", action="store_true", help="stop when standard input ends: with the parent")
    parser.add_argument(
        "--fault", action="append", default=[], metavar="'METHOD PATH before|after ACT [name=value ...]'"
    )
    given = parser.parse_args()
    hub = Hub(given.root, dict(map(parse_user, given.user)), given.lfs_part, given.xet)
    hub.faults.add(given.fault)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if given.while_stdin:
        threading.Thread(target=lambda: (sys.stdin.buffer.read(), stop.set()), daemon=True).start()
    with Running(hub, given.port):
        sys.stdout.write(f"test hub {hub.endpoint} storage {hub.blobs.address} root {given.root}\n")
        sys.stdout.flush()
        stop.wait()


if __name__ == "__main__":
    main()
