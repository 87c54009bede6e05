"""Prepare the SQLite file of an embedded Prefect server: a copy of a migrated one.

Prefect migrates an empty database step by step, which takes 5 to 8 s. The result is cached once per Prefect version,
and a new home starts with a copy of it. A database of another version is migrated by Prefect itself.
"""

import asyncio
import os
import shutil
import sqlite3
from contextlib import closing, suppress
from importlib.metadata import version
from pathlib import Path
from tempfile import NamedTemporaryFile

CACHE = "MEDMULTIPOINTS_CACHE"
ELSEWHERE = ("PREFECT_SERVER_DATABASE_CONNECTION_URL", "PREFECT_API_DATABASE_CONNECTION_URL")
DATABASE, MARK = "prefect.db", "database-version"


def is_known(home: Path) -> bool:
    """Return whether a server of the installed Prefect has used the home's database before."""
    with suppress(OSError):
        return (home / DATABASE).exists() and not _elsewhere() and (home / MARK).read_text() == version("prefect")
    return False


def is_migrated(home: Path) -> bool:
    """Return whether the home's database is migrated for the installed Prefect; a new home gets its copy here."""
    if _elsewhere() or (home / DATABASE).exists():
        return is_known(home)
    with suppress(OSError):
        _place(template(), home / DATABASE)
        return True
    return False


def mark(home: Path) -> None:
    """Record the Prefect version for which a server has migrated the home's database."""
    if (home / DATABASE).exists() and not _elsewhere():
        (home / MARK).write_text(version("prefect"))


def template() -> Path:
    """Return the path of the migrated database of the installed Prefect version."""
    caches = Path(os.environ.get(CACHE) or "~/.cache/medmultipoints").expanduser()
    return caches / f"prefect-{version('prefect')}.db"


def migrate(home: Path) -> None:
    """Create the database of a new home in this process and cache a copy; a failing cache is ignored."""
    if _elsewhere() or (home / DATABASE).exists():
        return
    from prefect.server.database import provide_database_interface

    asyncio.run(provide_database_interface().create_db())
    with suppress(OSError, sqlite3.Error):
        template().parent.mkdir(parents=True, exist_ok=True)
        whole = home / f"{DATABASE}.whole"
        with closing(sqlite3.connect(home / DATABASE)) as made, closing(sqlite3.connect(whole)) as copy:
            made.backup(copy)  # including the content of its write-ahead log
        _place(whole, template())
        whole.unlink()


def forget(home: Path) -> None:
    """Remove the database of a server that has ended: its runs are shown by nothing else."""
    for path in (*home.glob(f"{DATABASE}*"), home / MARK):
        path.unlink(missing_ok=True)


def _place(source: Path, target: Path) -> None:
    """Copy a file atomically."""
    with NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}-", delete=False) as part:
        pass
    try:
        shutil.copyfile(source, part.name)
        os.replace(part.name, target)
    finally:
        Path(part.name).unlink(missing_ok=True)


def _elsewhere() -> bool:
    return any(os.environ.get(name) for name in ELSEWHERE)


if __name__ == "__main__":  # at installation, so that the first build is faster
    from tempfile import TemporaryDirectory

    if not template().exists():
        with TemporaryDirectory() as folder:
            os.environ["PREFECT_HOME"] = folder
            migrate(Path(folder))
