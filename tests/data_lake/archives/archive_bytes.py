"""Small archives, made in memory."""

import io
import tarfile
import zipfile

FILES = {"set/images/a.jpg": b"picture a" * 50, "set/images/b.jpg": b"picture b" * 50, "set/boxes.json": b"{}"}
TWO = {"a.jpg": b"A", "b.jpg": b"B"}


def zip_of(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def tar_of(files: dict[str, bytes], *special: tarfile.TarInfo) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for info in special:
            archive.addfile(info)
    return data.getvalue()
