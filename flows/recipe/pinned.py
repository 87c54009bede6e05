"""Read pinned files of a recipe: model output, named by its sha256, so that the same file gives the same release.

A section whose results come from a model (``[witness]``, ``[describe]``) extends ``PinnedFile``. While a recipe is
loaded, its ``file`` is an absolute path; ``take_files`` keeps only the name, because no path is part of a release.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, model_validator

from medmultipoints.data_lake.store.hashing import file_sha256
from medmultipoints.data_lake.store.layout import Lake, explained
from medmultipoints.data_lake.store.objects import StoredObject, local_path, put_copy
from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.problems import SHA256, TomlTable


class PinnedFile(TomlTable):
    """A file that a command wrote, pinned by its content; both keys or neither."""

    file: str | None = Field(default=None, min_length=1, description="path of the file, relative to the recipe")
    sha256: str | None = Field(default=None, pattern=SHA256, description="sha256 of the file; another file is refused")

    @model_validator(mode="after")
    def _both_or_neither(self) -> "PinnedFile":
        if (self.file is None) != (self.sha256 is None):
            raise ValueError("file and sha256 go together: the command that writes the file prints both")
        return self


class Describe(PinnedFile):
    """Replies of a language model, as `medmultipoints describe` wrote them: released apart, sentence by sentence."""

    uncheckable: Literal["drop", "mark"] = Field(
        default="drop", description="sentences that the measured facts neither prove nor refute: left out, or marked"
    )
    least_kept: float = Field(
        default=0.3,
        ge=0,
        le=1,
        description="least share of a text's sentences to keep; with fewer, the text is left out",
    )


class Witness(PinnedFile):
    """Predictions of models, as `medmultipoints witness` wrote them: released apart, never as truth."""

    stability: float = Field(
        default=0.95, ge=0, le=1, description="least stability of a proposal: mean IoU after small shifts and flips"
    )
    likeness: float = Field(
        default=0.05, ge=0, le=1, description="least probability that a proposal looks like the objects of its class"
    )


def pinned_files(recipe: BaseModel) -> dict[str, PinnedFile]:
    """Return the recipe sections that pin a file, by name."""
    sections = {name: getattr(recipe, name) for name in type(recipe).model_fields}
    return {name: one for name, one in sections.items() if isinstance(one, PinnedFile) and one.file is not None}


def locate_files(recipe: BaseModel, folder: Path) -> dict[str, PinnedFile]:
    """Return the same sections with absolute paths, relative to the recipe's folder; nothing is read yet."""
    return {
        name: one.model_copy(update={"file": str(_absolute(name, str(one.file), folder))})
        for name, one in pinned_files(recipe).items()
    }


def _absolute(section: str, file: str, folder: Path) -> Path:
    try:
        return (folder / Path(file).expanduser()).absolute()
    except (RuntimeError, ValueError) as error:  # ~nosuchuser
        raise UsageError(f"{section}.file: {file[:80]!r}: {error}. Give a path from the recipe's folder.") from error


def take_files(recipe: BaseModel) -> tuple[dict[str, PinnedFile], dict[str, Path]]:
    """Return the sections with file names only, and the paths of the files."""
    found = pinned_files(recipe)
    paths = {name: Path(str(one.file)) for name, one in found.items()}
    return {name: one.model_copy(update={"file": paths[name].name}) for name, one in found.items()}, paths


def store_files(lake: Lake, recipe: BaseModel, paths: Mapping[str, Path]) -> dict[str, StoredObject]:
    """Copy the pinned files of a recipe into the lake and return them by section.

    UsageError for a missing file, as for the path of a source, whether or not the lake has a copy; and for a file with
    another sha256.
    """
    return {name: _store(lake, name, paths[name], str(one.sha256)) for name, one in pinned_files(recipe).items()}


def _store(lake: Lake, section: str, path: Path, sha256: str) -> StoredObject:
    try:
        there = path.is_file()
    except ValueError:  # a null character
        there = False
    if not there:
        copy = local_path(lake, sha256)
        remedy = f"copy it back from {copy}" if copy.is_file() else "write the file again"
        raise UsageError(f"{section}.file: there is no file {path}. Correct the path, or {remedy}.")
    with explained(f"{section}.file {path}"):
        found = file_sha256(path)
    if found != sha256:
        raise UsageError(
            f"{section}.file: {path} has sha256 {found}, the recipe says {sha256}. If the new file is meant, put its "
            "sha256 into the recipe."
        )
    if not local_path(lake, sha256).is_file():
        return put_copy(lake, path)
    return StoredObject(sha256, path.stat().st_size)
