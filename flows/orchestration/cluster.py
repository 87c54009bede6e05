"""The cluster that a build is to run on: asked for by a runner that has one, and there."""

import re
import socket

from medmultipoints.transforms.errors import MachineError, UsageError

ADDRESS = re.compile(r"(?:\w+://)?(?P<host>[^/:]+|\[[^]]+\]):(?P<port>\d{1,5})/?")
KINDS = {"dask": "Dask scheduler", "ray": "Ray cluster"}
SECONDS = 5.0


def check_cluster(runner: str, address: str | None) -> None:
    """UsageError where an address is given to a runner that has none."""
    if address and runner not in KINDS:
        raise UsageError(f"--runner-address {address}: only dask and ray have one; the runner is {runner}.")


def reach_cluster(runner: str, address: str | None) -> None:
    """MachineError where nobody answers at the address; one without a port, such as Ray's ``auto``, is not asked."""
    check_cluster(runner, address)
    found = ADDRESS.fullmatch(address or "")
    if found is None:
        return
    try:
        socket.create_connection((found["host"].strip("[]"), int(found["port"])), timeout=SECONDS).close()
    except (OSError, OverflowError) as error:
        raise MachineError(
            f"no {KINDS[runner]} answers at {address} (--runner-address): {getattr(error, 'strerror', None) or error}. "
            "Start it, or leave the address out for a cluster of this run alone."
        ) from error
