"""Write files outside the lake atomically and durably."""

import os
from pathlib import Path


def write_durably(path: Path, data: bytes) -> None:
    """Write a file atomically, and return when it is on disk under its name."""
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
