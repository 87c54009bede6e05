"""Read an annotation file that a source contains once, such as a JSON of boxes or a label table."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from medmultipoints.transforms.errors import MemberProblem, SourceDataError
from medmultipoints.transforms.records import Exclusion, Members
from medmultipoints.transforms.sources.accounting import Problem, exclude
from medmultipoints.transforms.sources.paths import MemberPath, describe_found

PACKED = (".zip", ".gz", ".tar", ".tgz", ".7z", ".rar")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class AnnotationFile:
    """An annotation file, and the exclusions of its other copies."""

    member: str
    data: bytes
    exclusions: tuple[Exclusion, ...]


def read_annotation_file(
    source: str, members: Members, paths: Sequence[MemberPath], filename: str, remedy: str
) -> AnnotationFile:
    """Return the content of the file ``filename`` among ``paths``, from the copy in the shallowest folder.

    Copies with the same text (ignoring line ends and byte order mark), such as inside and next to an archive, are
    dropped as ``duplicate_member``.
    Errors: SourceDataError if the file is missing or damaged, a path is listed twice, or copies differ.
    """
    copies = [path for path in paths if path.filename == filename and not path.is_clutter]
    if not copies:
        packed = sorted(path.name for path in paths if path.extension in PACKED)
        inside = f" It may lie inside {packed[0]}: unpack the archive that holds that one." if packed else ""
        raise SourceDataError(source, filename, f"the file is missing; {describe_found(paths)}", remedy + inside)
    twice = [name for name, times in Counter(path.name for path in copies).items() if times > 1]
    if twice:
        raise SourceDataError(
            source, twice[0], "the archive lists this file twice", "Give an archive that holds it once."
        )
    first, *others = sorted(copies, key=lambda path: (len(path.folders), path.name))
    data = _read(source, members, first.name)
    for other in others:
        if _text(_read(source, members, other.name)) != _text(data):
            raise SourceDataError(source, other.name, f"differs from {first.name}", "Give only one of the two files.")
    return AnnotationFile(first.name, data, _drop_copies(source, first.name, others))


def _read(source: str, members: Members, name: str) -> bytes:
    try:
        return members.read(name)
    except MemberProblem as problem:
        raise SourceDataError(source, name, problem.detail, "Get the official archive again.") from problem


def _drop_copies(source: str, first: str, others: Iterable[MemberPath]) -> tuple[Exclusion, ...]:
    return tuple(
        row
        for other in others
        for row in exclude(
            source,
            [other.name],
            "dropped",
            Problem("duplicate_member", f"{other.name} has the same content as {first}"),
        )
    )


def _text(data: bytes) -> bytes:
    return data.removeprefix(_BOM).replace(b"\r\n", b"\n").rstrip(b"\r\n")
