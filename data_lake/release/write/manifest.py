"""Read and write manifest.json: the content of a release and its inputs."""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, ClassVar, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from medmultipoints.data_lake.release.write.files import FileEntry
from medmultipoints.transforms.errors import DataError, NoRelease, UsageError
from medmultipoints.transforms.problems import NAME, VERSION, Sha256, first_problem

MANIFEST = "manifest.json"
Count = Annotated[int, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


class ReleasedFile(_Part):
    """One file of the release; the path is relative, with forward slashes."""

    path: str
    bytes: Count
    sha256: Sha256

    @field_validator("path")
    @classmethod
    def _stays_inside(cls, path: str) -> str:
        parts = PurePosixPath(path).parts
        if not path or path.startswith("/") or "\\" in path or ":" in path or ".." in parts or path != "/".join(parts):
            raise ValueError(f"'{path}' is not a plain path inside the release")
        return path


class SourceFile(_Part):
    """One archive or member that the release was made from; ``known``: its sha256 is an official one."""

    name: str
    bytes: Count
    sha256: Sha256
    known: bool


class ManifestSource(_Part):
    """One source; ``known`` only if all its files are."""

    name: str
    known: bool
    files: tuple[SourceFile, ...]


class Reason(_Part):
    """The number of inputs of a stage that were excluded for one reason."""

    verdict: Literal["dropped", "rejected"]
    reason: str
    count: Count


class StageCount(_Part):
    """The accounting of one stage, by input: ``in`` = used + dropped + rejected; ``rows`` are counted separately."""

    name: str
    taken: Count = Field(alias="in")
    used: Count
    dropped: Count
    rejected: Count
    rows: Count
    reasons: tuple[Reason, ...] = ()


def count_excluded(accounting: Iterable[StageCount], reason: str) -> int:
    """Return the number of inputs of all stages that were excluded for a reason."""
    return sum(one.count for stage in accounting for one in stage.reasons if one.reason == reason)


class Manifest(_Part):
    """The content of manifest.json: everything that ``verify`` needs, and the identity of the release's inputs.

    ``binding``: readers use only files that match the manifest (``data_lake.release.read.released_tables.own_file``).
    """

    binding: ClassVar[bool] = True
    format: Literal[1] = 1
    name: Annotated[str, Field(pattern=NAME)]
    version: Annotated[str, Field(pattern=VERSION)]
    release_date: str | None
    manifest_root: Sha256
    logical_digest: Sha256
    files: tuple[ReleasedFile, ...]
    recipe: dict[str, Any]
    sources: tuple[ManifestSource, ...]
    code_digest: Sha256
    packages: dict[str, str]
    accounting: tuple[StageCount, ...]

    @field_validator("files")
    @classmethod
    def _unique(cls, files: tuple[ReleasedFile, ...]) -> tuple[ReleasedFile, ...]:
        paths = [file.path for file in files]
        repeated = sorted({path for path in paths if paths.count(path) > 1}) if len(set(paths)) < len(paths) else []
        if repeated:
            raise ValueError(f"{repeated[0]} is listed twice")
        return files

    @property
    def title(self) -> str:
        """Name and version."""
        return f"{self.name} {self.version}"

    @property
    def entries(self) -> tuple[FileEntry, ...]:
        return tuple(FileEntry(file.path, file.bytes, file.sha256) for file in self.files)

    def lists(self, path: str) -> bool:
        """Return whether the manifest lists a file with that path."""
        return any(file.path == path for file in self.files)


class ClaimedManifest(Manifest):
    """A manifest to check, or whose files were just hashed: files are read without hashing them."""

    binding: ClassVar[bool] = False


def is_rooted(path: str) -> bool:
    """Return whether a file counts for the root: all except the manifest and its signatures (manifest.json.*)."""
    return re.fullmatch(r"manifest\.json(\..+)?", path) is None


def manifest_root(files: Iterable[FileEntry]) -> str:
    """Return the sha256 of the compact JSON list of [path, bytes, sha256] of the rooted files, sorted by path."""
    rows = sorted([file.path, file.bytes, file.sha256] for file in files if is_rooted(file.path))
    return hashlib.sha256(orjson.dumps(rows)).hexdigest()


def list_files(files: Iterable[FileEntry]) -> tuple[ReleasedFile, ...]:
    """Return the files in manifest order: sorted by path, rooted ones only."""
    rooted = sorted(file for file in files if is_rooted(file.path))
    return tuple(ReleasedFile(path=file.path, bytes=file.bytes, sha256=file.sha256) for file in rooted)


def manifest_bytes(manifest: Manifest) -> bytes:
    """Return the content of manifest.json: indented JSON with sorted keys, the same for equal manifests."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(manifest.model_dump(mode="json", by_alias=True), option=options)


def no_release(folder: Path) -> str:
    """Return the message about a folder without a manifest."""
    return f"{folder} is not a release: it has no {MANIFEST}. Give the folder of a release."


def read_manifest(folder: Path, kind: type[Manifest] = Manifest) -> Manifest:
    """Return the checked manifest of a release.

    DataError says what is wrong in it, NoRelease that it is missing, UsageError that the folder does not exist.
    """
    try:
        return kind.model_validate_json((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        if not folder.exists():
            raise UsageError(f"{folder}: there is no such folder. Give the folder of a release.") from None
        raise NoRelease(no_release(folder)) from None
    except OSError as error:
        raise DataError(f"{folder / MANIFEST} cannot be read: {error.strerror}. Check its permissions.") from error
    except ValidationError as error:
        raise DataError(
            f"{folder / MANIFEST} is damaged: {first_problem(error, kind)}. Get the release again, or build it again."
        ) from error
