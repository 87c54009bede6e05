"""Registry of annotation formats, and recognition of a source by all of them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from medmultipoints.transforms.errors import MemberProblem, UsageError
from medmultipoints.transforms.problems import meant
from medmultipoints.transforms.sources.annotated import Files, Question, Recognition
from medmultipoints.transforms.sources.formats import (
    arrays,
    coco,
    coco_panoptic,
    createml,
    cvat,
    cvat_video,
    dicom,
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
    run_lengths,
    supervisely,
    table,
    via,
    voc,
    yolo,
)
from medmultipoints.transforms.sources.formats.format import Format
from medmultipoints.transforms.sources.reading.listing import listed
from medmultipoints.transforms.sources.reading.proposing import toml_choice
from medmultipoints.transforms.sources.reading.surroundings import complete

_MODULES = (
    arrays, coco, coco_panoptic, createml, cvat, cvat_video, dicom, hugging_face, json_records, label_studio, labelme,
    labelme_xml, lines, masks, mot, nifti, outlines, run_lengths, supervisely, table, via, voc, yolo,
)  # fmt: skip
FORMATS: Final[tuple[Format, ...]] = tuple(
    sorted((module.FORMAT for module in _MODULES), key=lambda form: (form.last, -form.weight))
)
"""All formats, the most expressive first."""
_PIXELS: Final = frozenset({"arrays", "masks", "nifti", "dicom"})
"""Formats that read no text files: a text file may annotate the same pictures in more detail."""

_COVERED: Final[Mapping[str, tuple[str, ...]]] = {"coco-panoptic": ("masks",)}
"""Formats whose mask files are not offered as an alternative source of annotations."""


def find_format(name: str) -> Format:
    """Return a format by name. Raise UsageError with the known names."""
    known = {form.name: form for form in FORMATS}
    if name not in known:
        raise UsageError(f"read.format: unknown format {name!r}; {meant(name, sorted(known))}.")
    return known[name]


def recognise_any(files: Files, stated: Mapping[str, object]) -> tuple[Recognition, ...]:
    """Return the proposals of all formats (or only the stated one), the most expressive first."""
    listing = listed(files)
    tried = FORMATS if stated.get("format") is None else (find_format(str(stated["format"])),)
    found: list[Recognition] = []
    for form in tried:
        if any(form.name in _COVERED.get(str(recognition.read["format"]), ()) for recognition in found):
            continue
        if form.last and any(recognition.read["format"] not in _PIXELS for recognition in found):
            continue
        try:
            recognition = form.recognise(listing, stated)
        except MemberProblem as problem:
            listing.damage.append(problem.detail)
            continue
        found += [recognition] if recognition is not None else []
    return tuple(found)


def recognise_source(files: Files, stated: Mapping[str, Any]) -> Recognition | None:
    """Return the complete proposal for a source: stated keys, proved keys and open questions.

    ``stated``: the ``[read]`` table. If several formats are recognised, the most expressive is proposed and the format
    is asked. None if no format is recognised.
    """
    listing = listed(files)
    found = recognise_any(listing, stated)
    if not found:
        return None
    best = complete(listing, found[0], stated)
    if len(found) == 1:
        return best
    names = [str(recognition.read["format"]) for recognition in found]
    text = f"Annotations in several formats: {', '.join(names)}. Which are to be read?"
    choices = tuple(map(toml_choice, names))
    question = Question("format", text, choices, choices[0])
    return replace(best, questions=(question, *best.questions))
