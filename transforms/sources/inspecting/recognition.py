"""Recognise a source by all formats: propose its declaration, with proofs and open questions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, Final

from medmultipoints.transforms.errors import MemberProblem, UsageError
from medmultipoints.transforms.sources.annotated import Files, Question, Recognition
from medmultipoints.transforms.sources.declaration.model import merge_read
from medmultipoints.transforms.sources.declaration.patterns import as_patterns, compile_pattern
from medmultipoints.transforms.sources.dropped import hide_dropped
from medmultipoints.transforms.sources.inspecting.grouping import ask_groups
from medmultipoints.transforms.sources.inspecting.same_places import join_readings
from medmultipoints.transforms.sources.inspecting.turned_pictures import settle_orientation
from medmultipoints.transforms.sources.reading.listing import Listing, listed
from medmultipoints.transforms.sources.reading.proposing import toml_choice
from medmultipoints.transforms.sources.reading.surroundings import complete
from medmultipoints.transforms.sources.registry import FORMATS, find_format

_COMPARED: Final = 10_000
"""Names among which the most similar one is sought for a message."""
_PIXELS: Final = frozenset({"arrays", "masks", "nifti", "dicom"})
"""Formats that read no text files: a text file may annotate the same pictures in more detail."""

_COVERED: Final[Mapping[str, tuple[str, ...]]] = {"coco-panoptic": ("masks",)}
"""Formats whose mask files are not offered as an alternative source of annotations."""


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
    is asked, unless their objects lie in the same places: then one is proposed as a further reading. None if no format
    is recognised.
    """
    refuse_unmatched(stated, files.names())
    listing = listed(files).annotated_on((stated.get("pictures") or {}).get("exif"))
    listing = hide_dropped(listing, as_patterns(stated.get("drop")))
    own = {key: value for key, value in stated.items() if key != "also"}
    further = {name: (keys.get("format") or name, keys) for name, keys in (stated.get("also") or {}).items()}
    formats = {form for form, _ in further.values()}
    found = [one for one in recognise_any(listing, own) if one.read["format"] not in formats or stated.get("format")]
    if not found:
        return None
    if find_format(str(found[0].read["format"])).index:
        return found[0]
    best = _with_orientation(listing, found[0], stated)
    for name, (form, keys) in further.items():
        best = _join_stated(listing, best, name, form, keys, stated)
    best = ask_groups(listing, best, stated)
    if further or len(found) == 1:
        return best
    names = [str(recognition.read["format"]) for recognition in found]
    if len(found) == 2:
        joined = join_readings(listing, best, found[1], names[1], stated)
        if isinstance(joined, Recognition):
            return joined
        best = replace(best, hints=(*best.hints, joined))
    text = f"Annotations in several formats: {', '.join(names)}. Which are to be read?"
    choices = tuple(map(toml_choice, names))
    question = Question("format", text, choices, choices[0])
    return replace(best, questions=(question, *best.questions))


def _with_orientation(listing: Listing, first: Recognition, stated: Mapping[str, Any]) -> Recognition:
    """Return the complete proposal; boxes that are proved to be on pictures as shown are looked at again as such."""
    best = settle_orientation(listing, complete(listing, first, stated), stated)
    shown = {"pictures": {"exif": "displayed"}}
    if best.read.get("pictures") != shown["pictures"] or not any(one.key == "boxes.form" for one in best.questions):
        return best
    as_shown = listing.annotated_on("displayed")
    again = find_format(str(best.read["format"])).recognise(as_shown, merge_read(shown, stated))
    return settle_orientation(listing, complete(listing, again or first, stated), stated)


def refuse_unmatched(stated: Mapping[str, Any], names: Sequence[str]) -> None:
    """Raise UsageError for a stated pattern of pictures or annotations that matches no file."""
    tables = {"": stated} | {f"also.{name}.": keys for name, keys in (stated.get("also") or {}).items()}
    for before, table in tables.items():
        for key in ("images", "annotations", "video"):
            own = table.get(key) or ()
            for text in (own,) if isinstance(own, str) else own:
                pattern = compile_pattern(text)
                if not any(map(pattern.fits, names)):
                    near = get_close_matches(text, names[:_COMPARED], n=1, cutoff=0) or ["nothing"]
                    raise UsageError(
                        f"read.{before}{key}: {text!r} matches no file of the source; it has {near[0]!r}. "
                        "Correct the pattern, or leave the key out."
                    )


def _join_stated(
    listing: Listing, best: Recognition, name: str, form: str, keys: Mapping[str, Any], stated: Mapping[str, Any]
) -> Recognition:
    """Return the proposal with a stated further reading. Raise UsageError if nothing has its format."""
    other = find_format(form).recognise(listing, {**keys, "format": form})
    if other is None:
        raise UsageError(f"read.also.{name}: nothing is read as the format {form}. Correct it, or leave the table out.")
    joined = join_readings(listing, best, other, name, stated)
    return joined if isinstance(joined, Recognition) else best
