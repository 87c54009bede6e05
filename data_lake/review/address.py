"""Open the address of the desk before its release is read: a browser that asks meanwhile waits."""

import secrets
import socket
from dataclasses import dataclass
from typing import Final

from medmultipoints.transforms.errors import MachineError

LOCAL: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Address:
    """A socket that only this machine can reach, and the token without which it answers nothing."""

    listener: socket.socket
    token: str

    @property
    def port(self) -> int:
        """Return the port that was taken."""
        return int(self.listener.getsockname()[1])

    def __str__(self) -> str:
        return f"http://{LOCAL}:{self.port}/?token={self.token}"


def open_address(port: int) -> Address:
    """Return the address on a port, 0 for any that is free; MachineError if the port is in use."""
    return Address(listen(port), secrets.token_urlsafe(32))


def listen(port: int) -> socket.socket:
    """Return a socket that only this machine can reach; MachineError if the port is in use."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOCAL, port))
        listener.listen()
    except OSError as error:
        raise MachineError(f"--port {port}: {error.strerror}. Choose another, or 0 for any that is free.") from error
    return listener
