"""Registry of annotation formats, and their reading."""

from typing import Final

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.problems import meant
from medmultipoints.transforms.sources.annotated import Files, Reading
from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.dropped import hide_dropped, without_dropped
from medmultipoints.transforms.sources.formats import (
    arrays,
    box_lists,
    coco,
    coco_panoptic,
    createml,
    cvat,
    cvat_video,
    dicom,
    frames,
    hugging_face,
    json_records,
    label_studio,
    labelme,
    labelme_xml,
    lines,
    masks,
    mot,
    nifti,
    outlines,
    pairs,
    run_lengths,
    supervisely,
    table,
    via,
    voc,
    yolo,
)
from medmultipoints.transforms.sources.formats.format import Format
from medmultipoints.transforms.sources.reading.listing import Listing, listed
from medmultipoints.transforms.sources.united import unite

_MODULES = (
    arrays, box_lists, coco, coco_panoptic, createml, cvat, cvat_video, dicom, hugging_face, json_records, label_studio,
    labelme, labelme_xml, lines, masks, mot, nifti, outlines, run_lengths, supervisely, table, via, voc, yolo,
)  # fmt: skip
FORMATS: Final[tuple[Format, ...]] = tuple(
    sorted((module.FORMAT for module in _MODULES), key=lambda form: (form.last, -form.weight))
)
"""All formats that content proves, the most expressive first."""
EVERY_FORMAT: Final = tuple(sorted((*FORMATS, frames.FORMAT, pairs.FORMAT), key=lambda form: form.name))


def find_format(name: str) -> Format:
    """Return a format by name. Raise UsageError with the known names."""
    known = {form.name: form for form in EVERY_FORMAT}
    if name not in known:
        raise UsageError(f"read.format: unknown format {name!r}; {meant(name, known)}.")
    return known[name]


def read_pictures(declaration: Declaration, files: Files) -> Reading:
    """Yield the pictures of a declaration, each once, with the annotations of all its readings, and none it drops."""
    listing = listed(files).annotated_on(declaration.pictures.exif)
    if not declaration.drop:
        return _read_all(declaration, listing)
    return without_dropped(_read_all(declaration, hide_dropped(listing, declaration.drop)), declaration.drop)


def _read_all(declaration: Declaration, listing: Listing) -> Reading:
    if not declaration.also:
        return find_format(declaration.format).read(declaration, listing)
    return unite(find_format(own.format).read(own, listing) for own in declaration.readings)
