"""Read DICOM pictures with DICOM segmentations, or with NIfTI masks on the grid of a series.

A frame of a segmentation belongs to the picture that it references, else to the one at its position. Pictures of one
patient form a group, named by a hash so that no name or number of a person is released, nor found by trying numbers.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Final

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.rasters.dicom import LABEL_MAP, SEGMENTATION, lies_on, read_header, require_pydicom
from medmultipoints.transforms.rasters.nifti import read_grid, require_nibabel
from medmultipoints.transforms.records import MaskLayer
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import AnnotatedPicture, Files, Reading, ReadProblem, Recognition
from medmultipoints.transforms.sources.declaration import Declaration
from medmultipoints.transforms.sources.declaration_parts import DICOM_HOLES
from medmultipoints.transforms.sources.formats.format import Format
from medmultipoints.transforms.sources.patterns import template_holes
from medmultipoints.transforms.sources.reading.listing import Listing, listed, matching
from medmultipoints.transforms.sources.reading.masks.volume_keys import ask_classes, declared_values, rendering_of
from medmultipoints.transforms.sources.reading.path_patterns import propose_patterns
from medmultipoints.transforms.sources.reading.proposing import Draft, patterns_of, single

PATIENT: Final = "PatientID"
_IDENTIFIERS: Final = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")
_NEAR_MM: Final = 0.01
_MODALITIES: Final = {"CT": "CT", "MR": "MRI", "US": "ultrasound", "CR": "X-ray", "DX": "X-ray", "MG": "mammography"}


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
class _Series:
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
        return tuple(sorted(found, key=_place))

    def pseudonyms(self, attribute: str) -> dict[str, str]:
        """Return a hash for each value of an attribute, such as PatientID.

        The smallest identifiers of its pictures, long and not released, are hashed with it: nobody can try all numbers.
        """
        found: dict[str, list[tuple[str, ...]]] = {}
        for frame in self.frames:
            own = tuple(str(frame.header.get(name) or "") for name in _IDENTIFIERS)
            found.setdefault(_identity(frame, attribute), []).append(own)
        return {value: _hashed("\n".join((value, *map(min, zip(*held, strict=True))))) for value, held in found.items()}

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


def _place(frame: Frame) -> tuple[str, float, str, int]:
    """Return the sort key of a picture: series, then position along the normal; InstanceNumber is unreliable."""
    series = str(frame.header.get("SeriesInstanceUID", ""))
    along = 0.0
    turned = frame.header.get("ImageOrientationPatient")
    if frame.position is not None and turned:
        a, b = [float(v) for v in turned[:3]], [float(v) for v in turned[3:]]
        normal = (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
        along = sum(n * p for n, p in zip(normal, frame.position, strict=True))
    return series, round(along, 3), frame.member, frame.frame or 0


def recognise(files: Files, stated: Mapping[str, object]) -> Recognition | None:
    """Propose a declaration for the DICOM files among the members. Raise UsageError without the extra."""
    listing = listed(files)
    names = listing.of("dicom")
    if not names:
        return None
    require_pydicom()
    series = _Series(listing, names)
    if not series.frames:
        return None
    draft = Draft("dicom", stated)
    niftis = tuple(name for name in listing.of("nifti") if _lies_on_any(listing, name, series))
    if not series.segmentations and not niftis and stated.get("format") is None:
        return None
    count = plural(len(series.frames), "picture")
    draft.line(
        "format", "dicom", f"{plural(len(names), 'DICOM file')}: {count}, {len(series.segmentations)} segmentations"
    )
    members = tuple(dict.fromkeys(frame.member for frame in series.frames))
    draft.line("images", patterns_of(members, listing.kinds), f"{count} by their pixels")
    _decide_masks(draft, listing, series, niftis)
    _decide_window(draft, series)
    _hint(draft, series)
    return draft.done()


def _decide_masks(draft: Draft, listing: Listing, series: _Series, niftis: tuple[str, ...]) -> None:
    masks = tuple(series.segmentations)
    if masks and niftis:
        texts = [propose_patterns(names, listing.kinds)[0] for names in (masks, niftis)]
        draft.ask("annotations", "Segmentations and NIfTI masks lie on the series. Which are right?", texts, texts[0])
    elif masks or niftis:
        names = masks or niftis
        patterns = propose_patterns(names, listing.kinds)
        draft.line("annotations", single(patterns), f"{plural(len(names), 'mask')} on the grid of the pictures")
    else:
        return
    if niftis and (not masks or draft.states("annotations") is not None):
        ask_classes(draft, listing, niftis)
    text = "Is each connected area of a picture an object, or all areas of one label in it?"
    draft.ask("masks.object", text, ["component", "file"], "component")


def _lies_on_any(listing: Listing, name: str, series: _Series) -> bool:
    require_nibabel()
    try:
        grid = read_grid(listing.head(name, 1 << 16), name)
    except MemberProblem:
        return False
    return any(lies_on(frame.header, grid) for frame in series.frames)


def _decide_window(draft: Draft, series: _Series) -> None:
    windows = Counter(
        str(frame.header.get("WindowCenter")) + " / " + str(frame.header.get("WindowWidth")) for frame in series.frames
    )
    modalities = {str(frame.header.get("Modality", "?")) for frame in series.frames}
    gray = any(str(frame.header.get("PhotometricInterpretation", "")).startswith("MONO") for frame in series.frames)
    if not gray:
        return
    choices = (
        ["{ centre = 40, width = 400 }", "percentile 0.5 99.5", "full"]
        if "CT" in modalities
        else ["percentile 0.5 99.5", "full"]
    )
    if "None / None" not in windows:
        choices.insert(0, "dicom")
    said = ", ".join(f"{window} ({count})" for window, count in windows.most_common(3))
    draft.ask(
        "intensity.window",
        f"Which window shows the pictures? The files give centre / width {said}.",
        choices,
        choices[0],
    )


def _hint(draft: Draft, series: _Series) -> None:
    damaged = len(series.names) - len(series.headers)
    if damaged:
        draft.hint("unreadable_files", f"{plural(damaged, 'DICOM file')} that cannot be read; rejected")
    for modality, count in series.others.items():
        draft.hint(
            "not_read", f"{plural(count, 'file')} of modality {modality} (no pixels): contours and reports are not read"
        )
    if any(frame.header.get("PhotometricInterpretation") == "MONOCHROME1" for frame in series.frames):
        draft.hint("monochrome1", "pictures are MONOCHROME1 (low values bright); they are inverted")
    if any(str(frame.header.get("BurnedInAnnotation", "NO")) == "YES" for frame in series.frames):
        draft.hint("burned_in_text", "files say that text is burned into the pixels: it may name the patient")
    gaps = _gaps(series.frames)
    if gaps:
        draft.hint(
            "slices_missing", f"{plural(gaps, 'gap')} between slices that are wider than the others of their series"
        )


def _gaps(frames: Sequence[Frame]) -> int:
    """Return the number of steps between slices of a series that exceed the median step by more than half."""
    found = 0
    series: dict[str, list[float]] = {}
    for frame in frames:
        if frame.position is not None:
            series.setdefault(_place(frame)[0], []).append(_place(frame)[1])
    for places in series.values():
        steps = sorted(b - a for a, b in pairwise(places) if b > a)
        usual = steps[len(steps) // 2] if steps else 0
        found += sum(step > 1.5 * usual for step in steps)
    return found


def read(declaration: Declaration, files: Files) -> Reading:
    """Yield each picture in series order, with its frames of segmentations."""
    listing = listed(files)
    require_pydicom()
    names = listing.of("dicom")
    chosen = set(matching(names, declaration.images)) | set(matching(names, declaration.annotations or ("",)))
    series = _Series(listing, tuple(name for name in names if name in chosen))
    for name in series.names:
        if name not in series.headers:
            yield ReadProblem(key=name, reason="unreadable_image", detail=f"{name} cannot be read as DICOM")
    masks = matching(tuple(series.segmentations), declaration.annotations) if declaration.annotations else ()
    layers: dict[str, list[MaskLayer]] = {}
    for name in masks:
        yield from _segment(declaration, series, name, layers)
    niftis = matching(listing.of("nifti"), declaration.annotations) if declaration.annotations else ()
    asked = DICOM_HOLES & set(template_holes(declaration.groups.group or ""))
    hidden = {name: series.pseudonyms(name) for name in sorted({PATIENT, *asked})}
    for frame in series.frames:
        drawn = (*layers.get(frame.uid, ()), *_nifti_layers(declaration, listing, niftis, frame))
        yield AnnotatedPicture(
            member=frame.member,
            name=f"{frame.member}{'' if frame.frame is None else f'_{frame.frame:04d}'}",
            plane=frame.plane,
            width=int(frame.header.Columns),
            height=int(frame.header.Rows),
            rendering=rendering_of(declaration),
            annotated=bool(masks or niftis),
            layers=drawn,
            read_from=(*masks, *niftis) if drawn else (),
            columns=_columns(declaration, frame, hidden, asked),
        )


def _identity(frame: Frame, attribute: str) -> str:
    """Return an attribute of a picture; one without PatientID is of its study, else of its file."""
    return str(frame.header.get(attribute) or frame.header.get("StudyInstanceUID") or frame.member)


def _columns(
    declaration: Declaration, frame: Frame, hidden: Mapping[str, Mapping[str, str]], asked: Set[str]
) -> dict[str, str]:
    columns = {name: hidden[name][_identity(frame, name)] for name in sorted(asked)}
    columns["group"] = f"patient-{hidden[PATIENT][_identity(frame, PATIENT)]}"
    number = frame.header.get(PATIENT) if PATIENT in asked or declaration.groups.group is None else None
    columns |= {"person": _hashed(str(number))} if number else {}
    if modality := _MODALITIES.get(str(frame.header.get("Modality", ""))):
        columns["modality"] = modality
    return columns


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _segment(declaration: Declaration, series: _Series, name: str, layers: dict[str, list[MaskLayer]]) -> Reading:
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


def _nifti_layers(
    declaration: Declaration, listing: Listing, masks: Sequence[str], frame: Frame
) -> Iterator[MaskLayer]:
    keys = declaration.masks
    values = declared_values(declaration, listing)
    for mask in masks:
        if not lies_on(frame.header, read_grid(listing.head(mask, 1 << 16), mask)):
            continue
        yield MaskLayer(
            member=mask,
            kind="classes",
            object=keys.object or "component",
            label=None if values else keys.label or declaration.label,
            labels=values,
            ignore=keys.ignore,
            min_area_px=keys.min_area_px,
            plane="series:0",
            grid=frame.member,
        )


FORMAT = Format(
    name="dicom",
    title="DICOM pictures with segmentations (SEG) or NIfTI masks",
    recognise=recognise,
    read=read,
    weight=96,
    lost="contours (RTSTRUCT), reports (SR), overlays; fractions of fractional segmentations below one half",
    export="3D Slicer: DICOM SEG; highdicom; dcmqi",
)
