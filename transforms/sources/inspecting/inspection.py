"""Inspect a source: propose its declaration, and count what a build would read with it.

Counts come from the reader of the build, not from the recogniser. Open questions are read with their likely answer,
except those in ``declared_answers.NOT_ASSUMED``, whose answer could count false objects.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from medmultipoints.transforms.errors import DataError, MemberProblem, UsageError
from medmultipoints.transforms.masks.components import SPECK_PX
from medmultipoints.transforms.pictures.orientation import find_orientations
from medmultipoints.transforms.problems import problems
from medmultipoints.transforms.rasters.values import read_codes
from medmultipoints.transforms.records import Annotation, MaskLayer
from medmultipoints.transforms.regions.layers import find_layer_objects, label_values
from medmultipoints.transforms.regions.readings import CONFLICT, unite_readings
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import (
    AnnotatedPicture,
    Files,
    Hint,
    Question,
    ReadProblem,
    Recognition,
)
from medmultipoints.transforms.sources.declaration.model import Declaration, fold_label, merge_read
from medmultipoints.transforms.sources.declaration.parts import IgnoreLabel
from medmultipoints.transforms.sources.declaration.text import toml_value
from medmultipoints.transforms.sources.declaration.used_keys import refuse_unused
from medmultipoints.transforms.sources.inspecting.declared_answers import choice_value, likely_answers, nest_keys
from medmultipoints.transforms.sources.inspecting.personal_data import personal_hints
from medmultipoints.transforms.sources.inspecting.recognition import recognise_source
from medmultipoints.transforms.sources.inspecting.shown_objects import find_objects, rename_labels
from medmultipoints.transforms.sources.inspecting.unread import find_unread
from medmultipoints.transforms.sources.joined_facts import JoinedFacts, collect_facts
from medmultipoints.transforms.sources.paths import differ_in_zeros, split_path
from medmultipoints.transforms.sources.reading.joining import AMBIGUOUS, MISSING, size_or_none
from medmultipoints.transforms.sources.reading.listing import PICTURE_EXTENSIONS, Listing, listed
from medmultipoints.transforms.sources.reading.proposing import toml_choice
from medmultipoints.transforms.sources.reading.repeated_boxes import repeated_pairs
from medmultipoints.transforms.sources.reading.shapes import ZERO_EXTENT, extent
from medmultipoints.transforms.sources.reading.stated_sizes import differing_sizes
from medmultipoints.transforms.sources.registry import FORMATS, read_pictures

COUNTED: Final = frozenset({MISSING, AMBIGUOUS, ZERO_EXTENT})
"""Problems of entries that are objects: they count as read here, and a build quarantines them."""
SHOWN: Final = 12
NEARLY: Final = 0.8
"""Intersection over union above which boxes of one label are reported as repeated."""
QUARTER_OF: Final = 6
"""Least number of boxes that, all in one quarter of their pictures, are reported."""
COMPARED: Final = 5000
"""Pictures in which such boxes are sought."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """A recognised source. ``read``: proved or answered keys; ``used``: also likely answers to open questions."""

    recognition: Recognition | None
    read: Mapping[str, Any]
    used: Mapping[str, Any]
    pictures: int
    objects: Mapping[str, int]
    questions: tuple[Question, ...]
    hints: tuple[Hint, ...]
    shown: tuple[AnnotatedPicture, ...]
    guessed: tuple[str, ...] = ()


def inspect_source(files: Files, stated: Mapping[str, Any], *, accept: bool = False) -> Inspection:
    """Return a source recognised and read; ``stated``: its ``[read]`` table; ``accept``: take all likely answers.

    Errors: UsageError if ``stated`` does not form a valid declaration.
    """
    listing = listed(files)
    guesses: dict[str, Any] = {}
    recognition = recognise_source(listing, stated)
    while accept and recognition is not None and (likely := _likely(recognition, guesses)):
        guesses |= likely
        recognition = recognise_source(listing, merge_read(nest_keys(guesses), stated))
    if recognition is None:
        return _unrecognised(listing, stated)
    read = merge_read(recognition.read, stated)
    used = merge_read(merge_read(read, nest_keys(likely_answers(recognition.questions))), stated)
    declaration = declare(used)
    refuse_unused(used)
    counted = _count(listing, declaration)
    said = [hint for hint in recognition.hints if hint.key != "pictures_missing" or not counted.absent]
    personal = personal_hints(listing, declaration, counted.sorted(), counted.groups)
    hints = (*said, *counted.hints(), *personal)
    return Inspection(
        recognition,
        read,
        used,
        counted.pictures,
        counted.sorted(),
        recognition.questions,
        hints,
        tuple(counted.shown),
        tuple(guesses),
    )


def declare(read: Mapping[str, Any]) -> Declaration:
    """Return the declaration of a ``[read]`` table. Raise UsageError with the wrong key."""
    try:
        return Declaration.model_validate(read)
    except ValidationError as error:
        found = problems(error, Declaration)
        raise UsageError(f"read.{found}. Correct the declaration, or leave the key out.") from error


def _likely(recognition: Recognition, guesses: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first likely answer to an open question; the format comes first, since others depend on it."""
    for question in recognition.questions:
        if question.default is not None and question.key not in guesses:
            return {question.key: choice_value(question.default)}
    return {}


def _unrecognised(listing: Listing, stated: Mapping[str, Any]) -> Inspection:
    found = ", ".join(f"{count} {kind}" for kind, count in Counter(listing.kinds.values()).most_common())
    said = f"members: {found or 'none'}"
    if stated.get("format"):
        text = f"Nothing here is read as the format {stated['format']} ({said}). Which format is it?"
    else:
        text = f"No annotations of a known format were found ({said}). Which format are they in?"
    choices = tuple(sorted(toml_choice(form.name) for form in FORMATS)) if stated.get("format") else ()
    question = Question("format", f"{text} docs/formats.md lists what is read.", choices)
    hints = list(find_unread(listing))
    if pointers := sum(kind == "lfs" for kind in listing.kinds.values()):
        said = f"{plural(pointers, 'file')} are pointers of Git LFS; run `git lfs pull` there"
        hints.append(Hint("lfs_pointers", said))
    return Inspection(None, {}, {}, len(listing.pictures), {}, (question,), tuple(hints), ())


class _Counted:
    """Counts of a reader's pictures, objects and problems, with a few evenly spaced pictures to show."""

    def __init__(self, files: Listing, declaration: Declaration) -> None:
        self._files, self._declaration = files.annotated_on(declaration.pictures.exif), declaration
        self._joined = _facts(files, declaration)
        self.groups: set[str] = set()
        self._other_size: list[str] = []
        self.pictures = 0
        self.shown: list[AnnotatedPicture] = []
        self._objects: Counter[str] = Counter()
        self._problems: Counter[str] = Counter()
        self._examples: dict[str, str] = {}
        self.absent: set[str] = set()
        self._silent: list[str] = []
        self._specks = 0
        self._repeated = 0
        self._points = 0
        self._boxes, self._reach = 0, 0.0
        self._step = 1

    def add(self, found: AnnotatedPicture | ReadProblem) -> None:
        if isinstance(found, ReadProblem):
            self._note(found.reason, found.detail)
            if found.reason in COUNTED:
                self._count(found.label or "", 1)
                if found.reason != ZERO_EXTENT and found.picture and found.picture not in self.absent:
                    self.absent.add(found.picture)
            return
        counted = [annotation for annotation in found.annotations if not annotation.crowd and not annotation.ignore]
        if self._declaration.also:
            self._add_united(found)
        else:
            self._add_each(found, counted)
        self._points += sum(annotation.evidence == "point" for annotation in counted)
        self._keep(found)
        self._add_group(found)
        self._silent += [] if found.annotated else [found.member]
        self.pictures += 1

    def _add_each(self, found: AnnotatedPicture, counted: Sequence[Annotation]) -> None:
        for annotation in counted:
            self._count(annotation.label, 1)
        if self.pictures < COMPARED:
            self._add_repeated(counted, found.member)
            self._compare_size(found, counted)
        for layer in found.layers:
            self._add_layer(layer)

    def _add_united(self, picture: AnnotatedPicture) -> None:
        """Count the objects of all readings of a picture, each once."""
        named = rename_labels(picture, self._declaration)
        try:
            regions, reading_of = find_objects(named, self._files)
        except MemberProblem as problem:
            self._note(problem.reason, f"{picture.member}: {problem.detail}")
            return
        kept, conflicts = unite_readings(regions, named.layers, reading_of, self._declaration.absence.certain)
        for label in {region.object_key: region.label for region in kept}.values():
            self._objects[label] += 1
        for conflict in conflicts:
            self._note(CONFLICT, conflict.detail)

    def _add_group(self, found: AnnotatedPicture) -> None:
        with suppress(UsageError):
            group = self._joined.of(found).group if self._joined else None
            self.groups |= {group} if group else set()

    def _add_repeated(self, annotations: Sequence[Annotation], picture: str) -> None:
        places = [(a.label, a.box or extent(a.polygons)) for a in annotations if a.box or a.polygons]
        if found := sum(1 for _ in repeated_pairs(places, NEARLY)):
            self._repeated += found
            self._examples.setdefault("boxes_repeated", picture)

    def _compare_size(self, found: AnnotatedPicture, counted: Sequence[Annotation]) -> None:
        """Note a picture whose stated size is not its own, nor that of it as displayed if that is declared."""
        if found.frame is not None or found.plane or self._files.kinds.get(found.member) != "picture":
            return
        real = size_or_none(self._files, found.member)
        if real is not None and (places := [a.box or extent(a.polygons) for a in counted if a.box or a.polygons]):
            self._boxes += len(places)
            self._reach = max(self._reach, *(max(box[2] / real[0], box[3] / real[1]) for box in places))
        if not found.width or not found.height:
            return
        stated = found.width, found.height
        turned = real is not None and stated == real[::-1] and find_orientations(self._files.read(found.member))
        if real is not None and stated != real and not turned:
            said = f"{found.member}: {real[0]} x {real[1]} pixels, not {stated[0]} x {stated[1]}"
            self._other_size.append(said)

    def _add_layer(self, layer: MaskLayer) -> None:
        try:
            values = read_codes(layer, self._files.read)
            found = find_layer_objects(label_values(layer, values), values)
        except MemberProblem as problem:
            self._note(problem.reason, f"{layer.member}: {problem.detail}")
            return
        for region in found.objects:
            self._count(region.label, 1)
            if layer.object == "component" and (region.area_px or 0) <= SPECK_PX:
                self._specks += 1
                self._examples.setdefault("specks", layer.member)

    def _count(self, label: str, times: int) -> None:
        renamed = self._declaration.release_label(label)
        if label and not isinstance(renamed, IgnoreLabel):
            self._objects[renamed] += times

    def _note(self, reason: str, detail: str) -> None:
        self._problems[reason] += 1
        self._examples.setdefault(reason, detail)

    def _keep(self, picture: AnnotatedPicture) -> None:
        if not picture.annotations and not picture.layers:
            return
        if self.pictures % self._step == 0:
            self.shown.append(picture)
        if len(self.shown) > 2 * SHOWN:
            self.shown, self._step = self.shown[::2], self._step * 2

    def sorted(self) -> dict[str, int]:
        return dict(sorted(self._objects.items()))

    def _said(self, reason: str, count: int) -> str:
        if reason != MISSING or not self.absent:
            return plural(count, "entry", "entries")
        return f"{plural(len(self.absent), 'picture')} named in annotations, with {plural(count, 'entry', 'entries')}"

    def _labels_alike(self) -> list[tuple[str, str]]:
        """Return the labels that look like a more frequent one, each with that one."""
        ranked = sorted(self._objects, key=lambda label: (-self._objects[label], label))
        first: dict[str, str] = {}
        known = [(label, first.setdefault(fold_label(label), label)) for label in ranked]
        return sorted((label, kept) for label, kept in known if label != kept)

    def hints(self) -> list[Hint]:
        hints = [
            Hint(reason, f"{self._said(reason, count)}, such as {self._examples[reason]}")
            for reason, count in sorted(self._problems.items())
        ]
        if self._other_size:
            hints.append(Hint("sizes_differ", differing_sizes(len(self._other_size), self._other_size[0])))
        if self._specks:
            said = f"{plural(self._specks, 'area')} of at most {SPECK_PX} pixels, such as in {self._examples['specks']}"
            hints.append(
                Hint("specks", f"{said}: if they are not objects, set [read.masks] min_area_px = {SPECK_PX + 1}")
            )
        if self._points:
            said = f"{plural(self._points, 'lone point')}, counted here: a release has no object without an extent"
            hints.append(Hint("points_without_extent", f"{said}, so a build drops them by name"))
        if self._boxes >= QUARTER_OF and self._reach <= 0.5:
            said = f"all {self._boxes:,} boxes and outlines lie in the upper left quarter of their pictures"
            hints.append(Hint("boxes_in_a_quarter", f"{said}: were they drawn on pictures of half the size?"))
        if self._repeated:
            said = f"{plural(self._repeated, 'pair')} of objects of one label have nearly equal boxes, such as in "
            said += f"{self._examples['boxes_repeated']}: did several people draw them, or are they listed twice?"
            hints.append(Hint("boxes_repeated", said))
        if self._silent and self._problems[MISSING]:
            said = (
                f"{plural(len(self._silent), 'picture')} that no annotation names: are they the missing ones, renamed?"
            )
            pair = differ_in_zeros(map(_stem, sorted(self.absent)), map(_stem, self._silent))
            zeros = f" {pair[0]} and {pair[1]} differ in leading zeros alone: write them alike" if pair else ""
            hints.append(Hint("pictures_not_named", said + zeros))
        if twins := self._labels_alike():
            text = "labels that differ in case or separators alone; unite them in [read.labels]: "
            hints.append(Hint("labels_alike", text + ", ".join(f"{toml_value(a)} = {toml_value(b)}" for a, b in twins)))
        names = {self._declaration.release_label(name) for name in self._declaration.classes if name}
        if unused := sorted(name for name in names if isinstance(name, str) and not self._objects[name]):
            said = f"no object has the class {', '.join(unused[:8])}: are the class names in the right order?"
            hints.append(Hint("classes_unused", said))
        return hints


def _stem(name: str) -> str:
    path = split_path(name)
    return path.stem if path.extension in PICTURE_EXTENSIONS else path.filename


def _facts(files: Listing, declaration: Declaration) -> JoinedFacts | None:
    """Return the facts of pictures, or None if their tables cannot be read: a build says why."""
    try:
        return collect_facts("source", declaration, files)
    except (DataError, MemberProblem, UsageError):
        return None


def _count(files: Listing, declaration: Declaration) -> _Counted:
    counted = _Counted(files, declaration)
    for found in read_pictures(declaration, files):
        counted.add(found)
    step = max(1, len(counted.shown) // SHOWN)
    counted.shown = counted.shown[::step][:SHOWN]
    return counted
