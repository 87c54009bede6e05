"""A source whose files are held in memory, for tests of the readers."""

from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import BinaryIO
from zipfile import ZipFile

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.records import VideoFacts


class MemoryMembers:
    """The members of one source: ``files`` by path, ``videos`` that can be opened, paths listed once more."""

    def __init__(
        self,
        files: Mapping[str, bytes],
        videos: Mapping[str, VideoFacts] | None = None,
        repeated: Iterable[str] = (),
    ) -> None:
        self.files, self.videos, self.repeated = dict(files), dict(videos or {}), tuple(repeated)

    def names(self) -> list[str]:
        return sorted([*self.files, *self.repeated])

    def read(self, name: str) -> bytes:
        return self.files[name]

    def open(self, name: str) -> BinaryIO:
        return BytesIO(self.files[name])

    def head(self, name: str, count: int) -> bytes:
        return self.files[name][:count]

    def video_facts(self, name: str) -> VideoFacts:
        if name not in self.videos:
            raise MemberProblem("video_unreadable", f"{name}: the file has no video stream")
        return self.videos[name]


def read_zip(archive: ZipFile) -> dict[str, bytes]:
    """All files of a zip by path, folders left out."""
    return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
