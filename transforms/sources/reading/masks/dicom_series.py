"""Series of DICOM pictures with their segmentations: order of slices, frames of masks, pseudonyms of patients."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import Any, Final

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.rasters.dicom import LABEL_MAP, SEGMENTATION, lies_on, read_header
from medmultipoints.transforms.rasters.nifti import Grid, read_grid
from medmultipoints.transforms.records import MaskLayer
from medmultipoints.transforms.sources.annotated import Reading, ReadProblem
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.hidden_names import hash_name
from medmultipoints.transforms.sources.paths import split_path
from medmultipoints.transforms.sources.reading.listing import Listing

PATIENT: Final = "PatientID"
_IDENTIFIERS: Final = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")
_NEAR_MM: Final = 0.01


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture of a DICOM file, with its UID, position in mm and header."""

    member: str
    frame: int | None
    uid: str
    position: tuple[float, ...] | None
    header: Any

    @property
    def plane(self) -> str:
        return "" if self.frame is None else f"frame:{self.frame}"


@dataclass(frozen=True)
class DicomSeries:
    """DICOM files of a source: headers, pictures and segmentations."""

    listing: Listing
    names: tuple[str, ...]

    @cached_property
    def headers(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in self.names:
            try:
                found[name] = read_header(self.listing.read(name), name)
            except MemberProblem:
                continue
        return found

    @cached_property
    def segmentations(self) -> dict[str, Any]:
        return {
            name: held for name, held in self.headers.items() if held.get("SOPClassUID") in (SEGMENTATION, LABEL_MAP)
        }

    @cached_property
    def frames(self) -> tuple[Frame, ...]:
        """Pictures ordered by series and position."""
        found = [
            frame
            for name, held in self.headers.items()
            for frame in _frames(name, held)
            if name not in self.segmentations
        ]
        return tuple(sorted(found, key=place_of))

    def pseudonyms(self, attribute: str) -> dict[str, str]:
        """Return a hash for each value of an attribute, such as PatientID.

        The smallest identifiers of its pictures, long and not released, are hashed with it: nobody can try all numbers.
        """
        found: dict[str, list[tuple[str, ...]]] = {}
        for frame in self.frames:
            own = tuple(str(frame.header.get(name) or "") for name in _IDENTIFIERS)
            found.setdefault(identity(frame, attribute), []).append(own)
        return {
            value: hash_name("\n".join((value, *map(min, zip(*held, strict=True))))) for value, held in found.items()
        }

    @cached_property
    def others(self) -> Counter[str]:
        """Number of files without pictures or segmentations, by modality."""
        held = [own for name, own in self.headers.items() if name not in self.segmentations and not _has_pixels(own)]
        return Counter(str(own.get("Modality", "?")) for own in held)


def _has_pixels(header: Any) -> bool:
    return bool(header.get("Rows")) and bool(header.get("Columns"))


def _frames(name: str, header: Any) -> Iterator[Frame]:
    if not _has_pixels(header):
        return
    count = int(header.get("NumberOfFrames", 1) or 1)
    uid = str(header.get("SOPInstanceUID", name))
    if count == 1:
        yield Frame(name, None, uid, _position(header), header)
        return
    groups = header.get("PerFrameFunctionalGroupsSequence") or [None] * count
    for at in range(count):
        yield Frame(name, at, f"{uid}#{at + 1}", _frame_position(groups[at]), header)


def _position(held: Any) -> tuple[float, ...] | None:
    stated = None if held is None else held.get("ImagePositionPatient")
    return tuple(float(value) for value in stated) if stated else None


def _frame_position(group: Any) -> tuple[float, ...] | None:
    planes = None if group is None else group.get("PlanePositionSequence")
    return _position(planes[0]) if planes else None


def place_of(frame: Frame) -> tuple[str, float, str, int]:
    """Return the sort key of a picture: series, then position along the normal; InstanceNumber is unreliable."""
    along = 0.0
    turned = frame.header.get("ImageOrientationPatient")
    if frame.position is not None and turned:
        a, b = [float(v) for v in turned[:3]], [float(v) for v in turned[3:]]
        normal = (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
        along = sum(n * p for n, p in zip(normal, frame.position, strict=True))
    return series_of(frame), round(along, 3), frame.member, frame.frame or 0


def series_of(frame: Frame) -> str:
    """Return the identifier of a picture's series."""
    return str(frame.header.get("SeriesInstanceUID", ""))


def read_mask_grid(listing: Listing, name: str) -> Grid:
    """Return the grid of a NIfTI mask. Raise MemberProblem if it cannot be read."""
    return read_grid(listing.head(name, 1 << 16), name)


def series_under(series: DicomSeries, grid: Grid) -> dict[str, list[Frame]]:
    """Return the pictures that lie on the grid of a mask, by series."""
    found: dict[str, list[Frame]] = {}
    for frame in series.frames:
        if lies_on(frame.header, grid):
            found.setdefault(series_of(frame), []).append(frame)
    return found


def nearest_series(mask: str, series: Mapping[str, Sequence[Frame]]) -> str | None:
    """Return the series whose pictures share most leading folders with a mask, or None if several do."""
    shared = {uid: max(_shared_folders(mask, frame.member) for frame in held) for uid, held in series.items()}
    most = [uid for uid, count in shared.items() if count == max(shared.values())]
    return most[0] if len(most) == 1 else None


def _shared_folders(one: str, other: str) -> int:
    pairs = zip(split_path(one).folders, split_path(other).folders, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def identity(frame: Frame, attribute: str) -> str:
    """Return an attribute of a picture; one without PatientID is of its study, else of its file."""
    return str(frame.header.get(attribute) or frame.header.get("StudyInstanceUID") or frame.member)


def read_segmentation(
    declaration: Declaration, series: DicomSeries, name: str, layers: dict[str, list[MaskLayer]]
) -> Reading:
    """Add the frames of a segmentation to the layers of their pictures, and yield a problem for frames without one."""
    header = series.segmentations[name]
    segments = [one for one in header.get("SegmentSequence", ()) if one.get("SegmentNumber") is not None]
    labels = {int(one.SegmentNumber): str(one.get("SegmentLabel") or one.SegmentNumber) for one in segments}
    coded = header.get("SOPClassUID") == LABEL_MAP or header.get("SegmentationType") == "LABELMAP"
    by_uid = {frame.uid: frame.uid for frame in series.frames}
    shared: Any = next(iter(header.get("SharedFunctionalGroupsSequence") or ()), {})
    for at, group in enumerate(header.get("PerFrameFunctionalGroupsSequence", ())):
        number = _segment_number(group) or _segment_number(shared)
        uid = _referenced(group, by_uid) or _referenced(shared, by_uid)
        uid = uid or _at_position(group, series.frames) or _at_position(shared, series.frames)
        label = None if number is None else labels.get(number)
        if uid is None or (label is None and not coded):
            detail = f"{name}: frame {at + 1} references a picture that is not in this source, or no segment"
            yield ReadProblem(key=f"{name}#{at + 1}", reason="picture_missing", detail=detail, label=label)
            continue
        layers.setdefault(uid, []).append(_layer(declaration, name, f"frame:{at}", label, labels if coded else {}))


def _segment_number(group: Any) -> int | None:
    held = group.get("SegmentIdentificationSequence")
    return int(held[0].ReferencedSegmentNumber) if held else None


def _referenced(group: Any, known: Mapping[str, str]) -> str | None:
    for derivation in group.get("DerivationImageSequence", ()):
        for source in derivation.get("SourceImageSequence", ()):
            uid = str(source.get("ReferencedSOPInstanceUID", ""))
            frames = source.get("ReferencedFrameNumber")
            first = frames[0] if isinstance(frames, list) or hasattr(frames, "__getitem__") else frames
            found = known.get(f"{uid}#{first}") if first else None
            if found or uid in known:
                return found or known[uid]
    return None


def _at_position(group: Any, frames: Sequence[Frame]) -> str | None:
    place = _frame_position(group)
    near = [
        frame.uid
        for frame in frames
        if place is not None
        and frame.position is not None
        and max(abs(a - b) for a, b in zip(place, frame.position, strict=True)) < _NEAR_MM
    ]
    return near[0] if len(near) == 1 else None


def _layer(
    declaration: Declaration, member: str, plane: str, label: str | None, labels: Mapping[int, str]
) -> MaskLayer:
    keys = declaration.masks
    return MaskLayer(
        member=member,
        kind="classes" if labels else "binary",
        object=keys.object or "component",
        label=None if labels else label,
        labels={str(number): text for number, text in labels.items()},
        ignore=keys.ignore,
        min_area_px=keys.min_area_px,
        plane=plane,
    )
