"""What the tests of downloads share: contents, their catalogue entries, quick retries."""

import hashlib
import io
import random
import zipfile
from pathlib import Path

from medmultipoints.data_lake.catalogue import Archive, RemoteMember
from medmultipoints.data_lake.http.retries import RetryPolicy
from tests.data_lake.fetch.file_server import FileServer

CONTENT = random.Random(1).randbytes(3_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
TABLE = b"Video file,Organ,Finding,Classification\r\n" * 1000
QUICK = RetryPolicy(attempts=3, first_wait=0.01, timeout=5)


def archive(server: FileServer, *sha256: str, **more: object) -> Archive:
    return Archive.model_validate({"name": "set.zip", "url": f"{server.url}/set.zip", "sha256": sha256, **more})


def big_zip() -> bytes:
    """20 MB of pictures around one small table."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as made:
        for number in range(20):
            made.writestr(f"labeled-images/{number}.jpg", random.Random(number).randbytes(1_000_000))
        made.writestr("labeled-images/image-labels.csv", TABLE, zipfile.ZIP_DEFLATED)
    return data.getvalue()


def table_of(server: FileServer, **changes: object) -> RemoteMember:
    facts = {
        "name": "image-labels.csv",
        "url": f"{server.url}/big.zip",
        "member": "labeled-images/image-labels.csv",
        "sha256": [hashlib.sha256(TABLE).hexdigest()],
    }
    return RemoteMember.model_validate(facts | changes)


def visible(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir() if not file.name.startswith("."))
