"""Read DICOM pictures with DICOM segmentations, or with NIfTI masks on the grid of a series.

A frame of a segmentation belongs to the picture that it references, else to the one at its position. Pictures of one
patient form a group, named by a hash so that no name or number of a person is released, nor found by trying numbers.
"""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from itertools import pairwise
from typing import Final

from medmultipoints.transforms.errors import MemberProblem
from medmultipoints.transforms.rasters.dicom import require_pydicom
from medmultipoints.transforms.rasters.nifti import require_nibabel
from medmultipoints.transforms.records import MaskLayer
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import AnnotatedPicture, Files, Reading, ReadProblem, Recognition
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.declaration.parts import DICOM_HOLES
from medmultipoints.transforms.sources.declaration.patterns import template_holes
from medmultipoints.transforms.sources.declaration.text import toml_value
from medmultipoints.transforms.sources.formats.format import MASK_KEYS, Format
from medmultipoints.transforms.sources.hidden_names import hash_name
from medmultipoints.transforms.sources.reading.listing import Listing, listed, matching
from medmultipoints.transforms.sources.reading.masks.dicom_series import (
    PATIENT,
    DicomSeries,
    Frame,
    identity,
    nearest_series,
    place_of,
    read_mask_grid,
    read_segmentation,
    series_of,
    series_under,
)
from medmultipoints.transforms.sources.reading.masks.volume_keys import ask_classes, declared_values, rendering_of
from medmultipoints.transforms.sources.reading.path_patterns import propose_patterns
from medmultipoints.transforms.sources.reading.proposing import Draft, patterns_of, single

Lying = Mapping[str, Sequence[Frame]]
"""Pictures on the grid of a mask, by series."""
_MODALITIES: Final = {"CT": "CT", "MR": "MRI", "US": "ultrasound", "CR": "X-ray", "DX": "X-ray", "MG": "mammography"}


def recognise(files: Files, stated: Mapping[str, object]) -> Recognition | None:
    """Propose a declaration for the DICOM files among the members. Raise UsageError without the extra."""
    listing = listed(files)
    names = listing.of("dicom")
    if not names:
        return None
    require_pydicom()
    series = DicomSeries(listing, names)
    if not series.frames:
        return None
    draft = Draft("dicom", stated)
    niftis = {name: lying for name in listing.of("nifti") if (lying := _lying_under(listing, name, series))}
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


def _decide_masks(draft: Draft, listing: Listing, series: DicomSeries, niftis: Mapping[str, Lying]) -> None:
    masks = tuple(series.segmentations)
    if masks and niftis:
        texts = [propose_patterns(names, listing.kinds)[0] for names in (masks, tuple(niftis))]
        draft.ask("annotations", "Segmentations and NIfTI masks lie on the series. Which are right?", texts, texts[0])
    elif masks and _ask_readers(draft, listing, series, masks):
        pass
    elif masks or niftis:
        names = masks or tuple(niftis)
        patterns = propose_patterns(names, listing.kinds)
        draft.line("annotations", single(patterns), f"{plural(len(names), 'mask')} on the grid of the pictures")
    else:
        return
    if niftis and (not masks or draft.states("annotations") is not None):
        ask_classes(draft, listing, tuple(niftis))
        _ask_series(draft, niftis)
    text = "Is each connected area of a picture an object, or all areas of one label in it?"
    draft.ask("masks.object", text, ["component", "file"], "component")


def _ask_series(draft: Draft, masks: Mapping[str, Lying]) -> None:
    """Ask whether a mask on the voxels of several series annotates all of them, unless its folder has one."""
    several = {name: lying for name, lying in masks.items() if len(lying) > 1}
    if not several:
        return
    lost = [name for name, lying in several.items() if nearest_series(name, lying) is None]
    if not lost:
        draft.line("masks.series", "folder", f"{plural(len(several), 'mask')} on several series, one in each's folder")
        return
    said = f"{lost[0]} lies on the voxels of {len(several[lost[0]])} series"
    text = f"{said}. Does it show the objects of all? folder: only of the series in its folder, so move each there."
    draft.ask("masks.series", text, ["folder", "all"])


def _ask_readers(draft: Draft, listing: Listing, series: DicomSeries, masks: Sequence[str]) -> bool:
    """Ask which segmentations are right if several outline a label in one picture; return whether they do."""
    layers: dict[str, list[MaskLayer]] = {}
    for name in masks:
        list(read_segmentation(Declaration(format="dicom"), series, name, layers))
    clashes: set[tuple[str, ...]] = set()
    for held in layers.values():
        files: dict[str, set[str]] = {}
        for layer in held:
            for label in {layer.label, *layer.labels.values()} - {None}:
                files.setdefault(str(label), set()).add(layer.member)
        clashes |= {tuple(sorted(names)) for names in files.values() if len(names) > 1}
    if not clashes:
        return False
    rank = {name: at for names in sorted(clashes) for at, name in enumerate(names)}
    readers = [[name for name in masks if rank.get(name, at) == at] for at in range(max(rank.values()) + 1)]
    patterns = [propose_patterns(names, listing.kinds) for names in (*readers, masks)]
    choices = [texts[0] if len(texts) == 1 else toml_value(list(texts)) for texts in patterns]
    text = f"Several segmentations outline one label in one picture, such as {' and '.join(min(clashes)[:2])}"
    draft.ask(
        "annotations",
        f"{text}: of several readers? Which are read? The last choice: all, as objects of their own.",
        choices,
    )
    return True


def _lying_under(listing: Listing, name: str, series: DicomSeries) -> Lying:
    """Return the pictures on the grid of a mask, by series; none if it cannot be read."""
    require_nibabel()
    try:
        return series_under(series, read_mask_grid(listing, name))
    except MemberProblem:
        return {}


def _decide_window(draft: Draft, series: DicomSeries) -> None:
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


def _hint(draft: Draft, series: DicomSeries) -> None:
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
            series.setdefault(place_of(frame)[0], []).append(place_of(frame)[1])
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
    series = DicomSeries(listing, tuple(name for name in names if name in chosen))
    for name in series.names:
        if name not in series.headers:
            yield ReadProblem(key=name, reason="unreadable_image", detail=f"{name} cannot be read as DICOM")
    masks = matching(tuple(series.segmentations), declaration.annotations) if declaration.annotations else ()
    layers: dict[str, list[MaskLayer]] = {}
    for name in masks:
        yield from read_segmentation(declaration, series, name, layers)
    niftis = matching(listing.of("nifti"), declaration.annotations) if declaration.annotations else ()
    asked = DICOM_HOLES & set(template_holes(declaration.groups.group or ""))
    hidden = {name: series.pseudonyms(name) for name in sorted({PATIENT, *asked})}
    for name in niftis:
        yield from _add_nifti(declaration, listing, series, name, layers)
    annotated = {series_of(frame) for frame in series.frames if frame.uid in layers}
    for frame in series.frames:
        drawn = tuple(layers.get(frame.uid, ()))
        yield AnnotatedPicture(
            member=frame.member,
            name=f"{frame.member}{'' if frame.frame is None else f'_{frame.frame:04d}'}",
            plane=frame.plane,
            width=int(frame.header.Columns),
            height=int(frame.header.Rows),
            rendering=rendering_of(declaration),
            annotated=series_of(frame) in annotated,
            layers=drawn,
            read_from=(*masks, *niftis) if drawn else (),
            columns=_columns(declaration, frame, hidden, asked),
        )


def _columns(
    declaration: Declaration, frame: Frame, hidden: Mapping[str, Mapping[str, str]], asked: Set[str]
) -> dict[str, str]:
    columns = {name: hidden[name][identity(frame, name)] for name in sorted(asked)}
    columns["group"] = f"patient-{hidden[PATIENT][identity(frame, PATIENT)]}"
    number = frame.header.get(PATIENT) if PATIENT in asked or declaration.groups.group is None else None
    columns |= {"person": hash_name(str(number))} if number else {}
    if modality := _MODALITIES.get(str(frame.header.get("Modality", ""))):
        columns["modality"] = modality
    return columns


def _add_nifti(
    declaration: Declaration, listing: Listing, series: DicomSeries, name: str, layers: dict[str, list[MaskLayer]]
) -> Reading:
    """Add a mask to the layers of the pictures on its grid, and yield a problem if their series is not known."""
    keys, values = declaration.masks, declared_values(declaration, listing)
    lying = series_under(series, read_mask_grid(listing, name))
    own = set(lying) if keys.series == "all" or len(lying) < 2 else {nearest_series(name, lying)}
    if None in own:
        said = f"{name} lies on the voxels of {len(lying)} series, and none of them is alone in its folder"
        for frame in (frame for held in lying.values() for frame in held):
            picture = f"{frame.member}#{frame.plane}" if frame.plane else frame.member
            yield ReadProblem(key=f"{name}#{picture}", reason="mask_of_several_series", detail=said, picture=picture)
    for frame in (frame for uid, held in lying.items() if uid in own for frame in held):
        layer = MaskLayer(
            member=name,
            kind="classes",
            object=keys.object or "component",
            label=None if values else keys.label or declaration.label,
            labels=values,
            ignore=keys.ignore,
            min_area_px=keys.min_area_px,
            plane="series:0",
            grid=frame.member,
        )
        layers.setdefault(frame.uid, []).append(layer)


FORMAT = Format(
    name="dicom",
    title="DICOM pictures with segmentations (SEG) or NIfTI masks",
    recognise=recognise,
    read=read,
    weight=96,
    lost="contours (RTSTRUCT), reports (SR), overlays; fractions of fractional segmentations below one half",
    export="3D Slicer: DICOM SEG; highdicom; dcmqi",
    keys=MASK_KEYS | {"masks.series", "label", "label_names", "intensity.window", "intensity.invert_monochrome1"},
)
