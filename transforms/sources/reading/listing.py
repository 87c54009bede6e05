"""List the members of a source by kind, recognised by their first bytes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import BinaryIO, Final, Literal

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.rasters.volume_files import is_metaimage, is_nrrd
from medmultipoints.transforms.records import VideoFacts
from medmultipoints.transforms.sources.annotated import Files
from medmultipoints.transforms.sources.declaration.patterns import compile_pattern
from medmultipoints.transforms.sources.paths import split_path
from medmultipoints.transforms.sources.reading.pixel_looks import Look, look_at

Kind = Literal["picture", "video", "dicom", "nifti", "array", "parquet", "text", "lfs", "empty", "other"]

HEAD_BYTES: Final = 1 << 16
_MAGIC: Final[tuple[tuple[bytes, Kind], ...]] = (
    (b"version https://git-lfs", "lfs"),
    (b"\xff\xd8\xff", "picture"),
    (b"\x89PNG\r\n\x1a\n", "picture"),
    (b"II*\0", "picture"),
    (b"MM\0*", "picture"),
    (b"II+\0", "picture"),
    (b"MM\0+", "picture"),
    (b"GIF8", "picture"),
    (b"PAR1", "parquet"),
    (b"\x93NUMPY", "array"),
    (b"\x1aE\xdf\xa3", "video"),
)


class Listing:
    """Members of a source with their kinds and cached first bytes, shared by all formats.

    Hidden files and those left behind by operating systems are excluded. ``as_shown``: annotations are of pictures as
    shown, so that their sizes have swapped sides where an orientation tag says so.
    """

    def __init__(self, files: Files, hidden: frozenset[str] = frozenset(), *, as_shown: bool = False) -> None:
        self._files, self._hidden, self.as_shown = files, hidden, as_shown
        self._heads: dict[str, bytes] = {}
        self.damage: list[str] = []
        """Problems that prevented recognising a format."""

    def names(self) -> Sequence[str]:
        names = self._files.names()
        return [name for name in names if name not in self._hidden] if self._hidden else names

    def hide(self, names: Iterable[str]) -> "Listing":
        """Return the same listing without some members."""
        return self._derived(self._hidden | frozenset(names), self.as_shown)

    def annotated_on(self, exif: str | None) -> "Listing":
        """Return the same listing for annotations of pictures as ``displayed``, or as stored."""
        return self._derived(self._hidden, exif == "displayed")

    def _derived(self, hidden: frozenset[str], as_shown: bool) -> "Listing":
        other = Listing(self._files, hidden, as_shown=as_shown)
        other._heads, other.damage = self._heads, self.damage
        return other

    def read(self, name: str) -> bytes:
        return self._files.read(name)

    def open(self, name: str) -> BinaryIO:
        return self._files.open(name)

    def video_facts(self, name: str) -> VideoFacts:
        return self._files.video_facts(name)

    def head(self, name: str, count: int = HEAD_BYTES) -> bytes:
        """Return the first ``count`` bytes of a member, cached for text files."""
        if name in self._heads and count <= HEAD_BYTES:
            return self._heads[name][:count]
        return self._files.head(name, count)

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        found: dict[str, Kind] = {}
        for name in dict.fromkeys(self.names()):
            if split_path(name).is_clutter:
                continue
            head = self._files.head(name, 512)
            found[name] = sniff(name, head)
            if found[name] == "text":
                self._heads[name] = self._files.head(name, HEAD_BYTES)
        return found

    def of(self, *kinds: Kind) -> tuple[str, ...]:
        """Return the names of members of the given kinds, in order."""
        return tuple(name for name, kind in self.kinds.items() if kind in kinds)

    def texts(self, is_format: Callable[[bytes], bool]) -> tuple[str, ...]:
        """Return the names of the text files whose first bytes are of a format."""
        return tuple(name for name in self.of("text") if is_format(self.head(name)))

    @cached_property
    def pictures(self) -> tuple[str, ...]:
        """JPEG, PNG, TIFF, WebP, GIF and BMP files, and Git LFS pointers to such."""
        return tuple(
            name
            for name, kind in self.kinds.items()
            if kind == "picture" or (kind == "lfs" and split_path(name).extension in PICTURE_EXTENSIONS)
        )

    @cached_property
    def photos(self) -> tuple[str, ...]:
        """Pictures without those in folders of drawings, such as masks, that share names with other pictures."""
        folders = by_folder(self.pictures)
        if len(folders) < 2:
            return self.pictures
        stems = {place: {split_path(name).stem.casefold() for name in names} for place, names in folders.items()}
        shared = {a for a in stems for b in stems if a != b and _related(stems[a], stems[b])}
        drawn = {place for place in shared if self._is_drawn(folders[place])}
        plain = stems.keys() - drawn
        kept = [
            place for place in folders if place in plain or not any(_related(stems[place], stems[b]) for b in plain)
        ]
        return tuple(name for place in sorted(kept) for name in folders[place])

    def _is_drawn(self, names: Sequence[str]) -> bool:
        sample = names[:: max(1, len(names) // 4)][:5]
        looks = [look for name in sample if (look := self.look(name)) is not None]
        return bool(looks) and sum(look.is_drawing for look in looks) * 2 > len(looks)

    @cached_property
    def impostors(self) -> tuple[str, ...]:
        """Files with a picture's extension that are not pictures."""
        odd = (name for name, kind in self.kinds.items() if kind in ("text", "empty", "other"))
        return tuple(name for name in odd if split_path(name).extension in PICTURE_EXTENSIONS)

    @cached_property
    def foreign(self) -> tuple[str, ...]:
        """Pictures of kinds that are not read, by their extension."""
        odd = (name for name, kind in self.kinds.items() if kind not in ("picture", "lfs"))
        return tuple(name for name in odd if split_path(name).extension in FOREIGN_EXTENSIONS)

    def look(self, name: str) -> Look | None:
        """Return the pixels of a picture as stored, or None if it cannot be read."""
        try:
            return None if self.kinds.get(name) == "lfs" else look_at(self._files.read(name), name)
        except MemberProblem:
            return None


FOREIGN_EXTENSIONS: Final = frozenset({
    ".jp2", ".j2k", ".jpx", ".jxl", ".ppm", ".pgm", ".pbm", ".pnm", ".avif", ".heic", ".heif", ".psd", ".tga", ".svg",
    ".exr", ".hdr", ".dng", ".ras", ".pcx",
})  # fmt: skip
PICTURE_EXTENSIONS: Final = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp", ".gif"})


def _related(masks: set[str], pictures: set[str]) -> bool:
    """Return whether at least half of the mask names are picture names, or begin or end with one."""
    hits = len(masks & pictures)
    if hits * 2 < len(masks):
        hits = sum(any(_pieces(stem, pictures)) for stem in masks)
    return hits * 2 >= len(masks)


def _pieces(stem: str, pictures: set[str]) -> Iterator[bool]:
    for at, character in enumerate(stem):
        if not character.isalnum():
            yield stem[:at] in pictures or stem[at + 1 :] in pictures
    yield stem in pictures


def listed(files: Files) -> Listing:
    """Return the files as a listing."""
    return files if isinstance(files, Listing) else Listing(files)


def matching(names: Iterable[str], patterns: Sequence[str]) -> tuple[str, ...]:
    """Return the names that match any of the patterns, or all names without patterns."""
    if not patterns:
        return tuple(names)
    compiled = [compile_pattern(pattern) for pattern in patterns]
    return tuple(name for name in names if any(pattern.fits(name) for pattern in compiled))


def sniff(name: str, head: bytes) -> Kind:
    """Return the kind of a file by its first bytes, and by its name for gzip, zip and unknown binary files."""
    if not head.strip(b"\0 \r\n\t"):
        return "empty" if len(head) < 512 else _binary(name)
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    return _inside(head) or _packed(name, head) or ("text" if _is_text(head) else _binary(name))


def _inside(head: bytes) -> Kind | None:
    """Return the kind of a file whose signature is not a fixed prefix, or None."""
    if head.startswith(b"BM") and head[14:18] in (b"\x0c\0\0\0", b"\x28\0\0\0", b"\x6c\0\0\0", b"\x7c\0\0\0"):
        return "picture"
    if head[:4] == b"RIFF":
        return "picture" if head[8:12] == b"WEBP" else "video"
    if head[4:8] == b"ftyp":
        return "video"
    if head[128:132] == b"DICM":
        return "dicom"
    if is_nrrd(head) or is_metaimage(head):
        return "nifti"
    return "nifti" if head[344:348] in (b"n+1\0", b"ni1\0") or head[4:8] in (b"n+2\0", b"ni2\0") else None


def _packed(name: str, head: bytes) -> Kind | None:
    """Return the kind of a gzip or zip file by its name, or None for other files."""
    if head.startswith(b"\x1f\x8b"):
        return "nifti" if name.lower().endswith(".nii.gz") else "other"
    if head.startswith(b"PK\x03\x04"):
        return "array" if name.lower().endswith(".npz") else "other"
    return None


def _binary(name: str) -> Kind:
    return "picture" if split_path(name).extension in PICTURE_EXTENSIONS else "other"


def bare(head: bytes) -> bytes:
    """Return the first bytes of a text file without byte order mark and leading blanks."""
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    return not any(byte < 32 and byte not in b"\t\n\r\f" for byte in head)


def folder(name: str) -> str:
    """Return the folder of a member, or an empty string at the top."""
    return name.rpartition("/")[0]


def by_folder(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the names grouped by folder, in order."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(folder(name), []).append(name)
    return {place: tuple(held) for place, held in found.items()}
