"""Read an annotation file that a source contains once, such as a JSON of boxes or a label table."""

from collections.abc import Sequence
from dataclasses import dataclass

from medmultipoints.transforms.errors import MemberProblem, SourceDataError
from medmultipoints.transforms.records import Exclusion, Members
from medmultipoints.transforms.sources.accounting import Problem, exclude
from medmultipoints.transforms.sources.described import DescribedSource
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
    described: DescribedSource, members: Members, paths: Sequence[MemberPath], filename: str
) -> AnnotationFile:
    """Return the content of the file ``filename`` among ``paths``, from the copy in the shallowest folder.

    Copies with the same text (ignoring line ends and byte order mark), such as inside and next to an archive, are
    dropped as ``duplicate_member``.
    Errors: SourceDataError if the file is missing or damaged, a path is listed twice, or copies differ.
    """
    copies = sorted(path.name for path in paths if path.filename == filename and not path.is_clutter)
    source, names = described.name, sorted(copies, key=lambda name: name.count("/"))
    if not names:
        packed = sorted(path.name for path in paths if path.extension in PACKED)
        inside = f" It may lie inside {packed[0]}: unpack the archive that holds that one." if packed else ""
        remedy = f"Give {' and '.join(described.files) or 'all files'}, or a folder that holds the same.{inside}"
        raise SourceDataError(source, filename, f"the file is missing; {describe_found(paths)}", remedy)
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise SourceDataError(source, twice, "the archive lists this file twice", "Give an archive that holds it once.")
    first, *others = names
    data, excluded = _read(source, members, first), list[Exclusion]()
    for other in others:
        if _text(_read(source, members, other)) != _text(data):
            raise SourceDataError(source, other, f"differs from {first}", "Give only one of the two files.")
        same = Problem("duplicate_member", f"{other} has the same content as {first}")
        excluded += exclude(source, [other], "dropped", same)
    return AnnotationFile(first, data, tuple(excluded))


def _read(source: str, members: Members, name: str) -> bytes:
    try:
        return members.read(name)
    except MemberProblem as problem:
        raise SourceDataError(source, name, problem.detail, "Get the official archive again.") from problem


def _text(data: bytes) -> bytes:
    return data.removeprefix(_BOM).replace(b"\r\n", b"\n").rstrip(b"\r\n")
