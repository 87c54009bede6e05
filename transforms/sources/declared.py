"""Read a declared source: turn the pictures of its format into samples and account for every member.

Format readers return the contents of the files. This module applies the rest of the declaration, the same for all
formats: label map, ignored labels, absence, columns from holes, groups, official splits, joined tables, licences.
"""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Final

from medmultipoints.transforms.errors import MemberProblem, SourceDataError, UsageError
from medmultipoints.transforms.label_tree import descendants
from medmultipoints.transforms.pictures.decode import said_by
from medmultipoints.transforms.rasters.volumes import deep_values
from medmultipoints.transforms.records import UNKNOWN, Annotation, Exclusion, Indexed, MaskLayer, Sample
from medmultipoints.transforms.reporting.counted import first_few
from medmultipoints.transforms.sources.accounting import (
    NOT_PART,
    Problem,
    drop_declared,
    drop_foreign,
    exclude,
    printable,
)
from medmultipoints.transforms.sources.annotated import AnnotatedPicture, Files, Reading, ReadProblem, picture_key
from medmultipoints.transforms.sources.declaration.model import Declaration, fold_label
from medmultipoints.transforms.sources.declaration.parts import IgnoreLabel
from medmultipoints.transforms.sources.joined_facts import PictureFacts, collect_facts, refuse_unfilled
from medmultipoints.transforms.sources.paths import split_path, split_paths
from medmultipoints.transforms.sources.reading.listing import PICTURE_EXTENSIONS
from medmultipoints.transforms.sources.reading.masks.volume_keys import rendering_of
from medmultipoints.transforms.sources.soundness import find_fault

_Doubts = Mapping[str, set[str | None]]
MOST_NAMED: Final = 30
"""Greatest number of labels listed in an error."""


@dataclass(slots=True)
class _Ledger:
    """Samples, used members and exclusions of one source, collected while reading."""

    source: str
    samples: dict[str, Sample] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    exclusions: dict[str, Exclusion] = field(default_factory=dict)

    def leave_out(self, keys: Iterable[str], verdict: str, problem: Problem, stem: str | None = None) -> None:
        for row in exclude(self.source, keys, "dropped" if verdict == "dropped" else "rejected", problem, stem):
            self.exclusions.setdefault(row.key, row)


def read_declared(
    source: str,
    declaration: Declaration,
    facts: Mapping[str, str],
    files: Files,
    read: Callable[[Declaration, Files], Reading],
) -> Indexed:
    """Return a sample for each picture of a declared source.

    ``read``: reads the pictures of a declaration. ``facts``: organ, finding, classification and modality of the whole
    source.
    Unusable pictures and annotations are rejected; those left out by the declaration are dropped.
    Errors: UsageError if the declaration does not fit the files; SourceDataError if a file cannot be read.
    """
    joined = collect_facts(source, declaration, files)
    named = {own.label_names for own in declaration.readings if own.label_names}
    ledger = _Ledger(source, used={*joined.members, *named.intersection(files.names())})
    pictures, problems = _read_pictures(source, declaration, read(declaration, files))
    if declaration.intensity.window is not None:
        pictures = [_with_window(declaration, files, picture) for picture in pictures]
    names = _name_pictures(pictures)
    doubts = _note_problems(ledger, problems, names)
    times = Counter(map(picture_key, pictures))
    for picture in pictures:
        own = joined.of(picture)
        problem = own.problem or _find_problem(declaration, picture, times[picture_key(picture)])
        if problem is None:
            _add_picture(ledger, declaration, facts, own, picture, names[picture_key(picture)], doubts)
        else:
            ledger.leave_out(_members_of(picture), "rejected", problem, names[picture_key(picture)])
    refuse_unfilled(source, joined, pictures, files.names())
    _refuse_misspelt(source, declaration, pictures, problems)
    return _account(ledger, declaration, files)


def _with_window(declaration: Declaration, files: Files, picture: AnnotatedPicture) -> AnnotatedPicture:
    """Return a picture with the declared rule for gray levels if it is a file of more than 8 bits a pixel."""
    if picture.rendering or picture.frame is not None or picture.plane.partition(":")[0] not in ("", "page"):
        return picture
    with suppress(MemberProblem):
        if deep_values(files.read(picture.member)) is not None:
            return replace(picture, rendering=rendering_of(declaration))
    return picture


def _refuse_misspelt(
    source: str, declaration: Declaration, pictures: Iterable[AnnotatedPicture], problems: Iterable[ReadProblem]
) -> None:
    """Raise UsageError with every key of the label map that is not a label of the source, as an ontology matches it."""
    there = {label for picture in pictures for label in _labels_of(picture)}
    there |= {problem.label for problem in problems if problem.label is not None}
    there |= {name for own in declaration.readings for name in (*own.classes, *own.masks.values.values())}
    keys = {key for own in declaration.readings for key in own.labels}
    same = {fold_label(label) if declaration.known else label for label in there}
    wrong = sorted(
        key for key in keys if "*" not in key and (fold_label(key) if declaration.known else key) not in same
    )
    if wrong:
        raise UsageError(f"sources.{source}.read.labels: {name_unknown(wrong, there)}")


def name_unknown(wrong: Iterable[str], there: Collection[str]) -> str:
    """Return a sentence that names unknown labels, the most similar known label of each, and all known labels."""
    said = []
    for label in wrong:
        near = get_close_matches(label, there, n=1, cutoff=0.6)
        said.append(f"no object has the label {label!r}" + (f"; perhaps {near[0]!r} is meant" if near else ""))
    return f"{'; '.join(said)}. The labels are: {first_few(sorted(there), MOST_NAMED) or 'none'}."


def _read_pictures(
    source: str, declaration: Declaration, reading: Reading
) -> tuple[list[AnnotatedPicture], list[ReadProblem]]:
    """Return all that a reader yields. Raise SourceDataError if a damaged file or values of unknown form end it."""
    pictures: list[AnnotatedPicture] = []
    problems: list[ReadProblem] = []
    try:
        for found in reading:
            problems.append(found) if isinstance(found, ReadProblem) else pictures.append(found)
    except MemberProblem as problem:
        remedy = "Get that file again, or correct it."
        raise SourceDataError(source, problem.reason, problem.detail, remedy) from problem
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        after = problems[-1].key if problems else pictures[-1].member if pictures else "the beginning"
        said = f"{type(error).__name__}: {said_by(error)[:300]}"
        where = ", ".join(declaration.annotations) or declaration.format
        remedy = "Correct the annotation file; `medmultipoints inspect` says more"
        raise SourceDataError(source, where, f"reading stopped after {after}: {said}", f"{remedy}.") from error
    return pictures, problems


def _name_pictures(pictures: Iterable[AnnotatedPicture]) -> dict[str, str]:
    """Return the stem of each picture by key: its name, or its path below the common folder of all pictures."""
    unnamed = [picture for picture in pictures if not _is_named(picture)]
    shared = _common_folder(split_path(picture.member).folders for picture in unnamed)
    names: dict[str, str] = {}
    for picture in pictures:
        key = picture_key(picture)
        path = split_path(picture.member)
        plain = "/".join((*path.folders[shared:], path.stem)) + key.removeprefix(picture.member).replace("#", "_")
        names[key] = "_".join(printable(picture.name if _is_named(picture) else plain).split()) or "_"
    return _make_unique(names)


def _is_named(picture: AnnotatedPicture) -> bool:
    """Return whether the reader set a name other than the member's path."""
    return bool(picture.name) and not picture.name.startswith(picture.member)


def _common_folder(folders: Iterable[tuple[str, ...]]) -> int:
    """Return the number of leading folders that all paths share."""
    listed = list(folders)
    first, last = min(listed, default=()), max(listed, default=())
    same = [a == b for a, b in zip(first, last, strict=False)]
    return same.index(False) if False in same else len(same)


def _make_unique(names: dict[str, str]) -> dict[str, str]:
    """Return the names made unique by adding the extension, and a number if necessary."""
    times = Counter(names.values())
    named = {key: f"{name}.{key.rpartition('.')[2]}" if times[name] > 1 else name for key, name in names.items()}
    seen: Counter[str] = Counter()
    for key in sorted(named):
        name = "_".join(named[key].split())
        named[key] = name if not seen[name] else f"{name}~{seen[name]}"
        seen[name] += 1
    return named


def _note_problems(ledger: _Ledger, problems: Iterable[ReadProblem], names: Mapping[str, str]) -> _Doubts:
    """Exclude unusable inputs, and return the labels of each picture whose count is uncertain.

    A rejected entry without a label may have any label: None means all labels.
    """
    stems = {name: name for name in names.values()} | dict(names)
    doubts: dict[str, set[str | None]] = {}
    for problem in problems:
        stem = stems.get(problem.picture or "")
        ledger.leave_out([problem.key], problem.verdict, Problem(problem.reason, problem.detail), stem)
        if stem is not None and (problem.label is not None or problem.verdict == "rejected"):
            doubts.setdefault(stem, set()).add(problem.label)
    return doubts


def _members_of(picture: AnnotatedPicture) -> tuple[str, ...]:
    return (picture.member, *(layer.member for layer in picture.layers), *picture.read_from)


@dataclass(frozen=True, slots=True)
class _Kept:
    annotations: tuple[Annotation, ...]
    layers: tuple[MaskLayer, ...]
    doubtful: set[str]


def _add_picture(
    ledger: _Ledger,
    declaration: Declaration,
    facts: Mapping[str, str],
    own: PictureFacts,
    picture: AnnotatedPicture,
    stem: str,
    doubts: _Doubts,
) -> None:
    kept = _sort_annotations(ledger, declaration, picture, stem)
    doubtful = _doubtful_labels(declaration, picture, doubts.get(stem, set()), kept)
    ledger.used.update(_members_of(picture))
    stated = {name: value for name, value in picture.columns.items() if name not in declaration.row_holes}
    columns = {**facts, **stated, **own.columns}
    video, frame = _video_frame(picture)
    ledger.samples[stem] = Sample(
        source=ledger.source,
        stem=stem,
        image_member=None if picture.frame is not None else picture.member,
        video_member=picture.member if picture.frame is not None else None,
        video_id=video,
        frame_index=frame,
        fps=picture.fps,
        organ=columns.get("organ", UNKNOWN),
        finding=columns.get("finding", UNKNOWN),
        classification=columns.get("classification", UNKNOWN),
        modality=columns.get("modality"),
        official_split=own.split,
        source_width=picture.width,
        source_height=picture.height,
        labels_exhaustive=_certain_labels(declaration, picture, doubtful),
        group=own.group,
        licence=own.licence or columns.get("licence"),
        plane=picture.plane or None,
        rendering=picture.rendering or None,
        drawn_on=declaration.pictures.exif,
        person=columns.get("person"),
        annotations=kept.annotations,
        layers=kept.layers,
        uncertain=tuple(sorted(doubtful)),
        parts=tuple(json.dumps([parent, *below]) for parent, below in sorted(declaration.hierarchy.items())),
    )


def _video_frame(picture: AnnotatedPicture) -> tuple[str | None, int | None]:
    """Return the video of a picture and its frame of it, if known."""
    if picture.frame is not None:
        return split_path(picture.member).stem, picture.frame
    return picture.shows or (None, None)


def _doubtful_labels(
    declaration: Declaration, picture: AnnotatedPicture, doubts: Set[str | None], kept: _Kept
) -> set[str]:
    """Return the released labels whose count is uncertain in a picture, and those above them."""
    own = {*doubts, *(problem.label for problem in picture.doubts)}
    unsure = {label for label in own if label is not None}
    if None in own:
        unsure |= {*declaration.absence.certain, *_labels_of(picture)}
    doubtful = {_released(reading, label) for label in unsure for reading in declaration.readings} | kept.doubtful
    return doubtful | {whole for whole in declaration.hierarchy if doubtful & descendants(declaration.hierarchy, whole)}


def _find_problem(declaration: Declaration, picture: AnnotatedPicture, times: int) -> Problem | None:
    if times > 1:
        return Problem("annotated_twice", f"{picture.member}: the source annotates this picture {times} times")
    empty = not picture.annotations and not picture.layers
    if not picture.annotated and declaration.absence.missing_file == "reject":
        return Problem("annotation_missing", f"{picture.member}: the picture has no annotation")
    if picture.annotated and empty and declaration.absence.empty_file == "reject":
        return Problem("annotation_empty", f"{picture.member}: its annotation has no object")
    return None


def _sort_annotations(ledger: _Ledger, declaration: Declaration, picture: AnnotatedPicture, stem: str) -> _Kept:
    """Return annotations and layers with released labels; exclude annotations that are not objects."""
    kept: list[Annotation] = []
    doubtful: set[str] = set()
    for annotation in picture.annotations:
        renamed = declaration.readings[annotation.reading].release_label(annotation.label)
        verdict, problem = _judge(annotation, renamed)
        if isinstance(renamed, str):
            if problem is None:
                kept.append(replace(annotation, label=renamed))
                continue
            doubtful.add(renamed)
        assert problem is not None
        ledger.leave_out([annotation.key], verdict, problem, stem)
    layers = tuple(layer for given in picture.layers for layer in _rename_layer(ledger, declaration, given, stem))
    unsure = {number for number, own in enumerate(declaration.readings) if own.masks.count == "uncertain"}
    doubtful |= {label for layer in layers if layer.reading in unsure for label in _layer_labels(layer)}
    for layer in picture.layers:  # a label whose value is ignored is not absent
        hidden = (layer.labels[value] for value in layer.ignore if value in layer.labels)
        doubtful |= {_released(declaration.readings[layer.reading], label) for label in hidden}
    return _Kept(tuple(kept), layers, doubtful)


def _judge(annotation: Annotation, renamed: str | IgnoreLabel) -> tuple[str, Problem | None]:
    """Return the verdict and the problem of an annotation; the problem is None if it is an object."""
    if isinstance(renamed, IgnoreLabel):
        return "dropped", Problem(
            "label_ignored", f"{annotation.key}: {annotation.label} is left out: {renamed.ignore}"
        )
    if annotation.crowd:
        detail = f"{annotation.key}: a region of many {annotation.label}, which is never counted"
        return "dropped", Problem("crowd_region", detail)
    if annotation.ignore:
        return "dropped", Problem("ignored_region", f"{annotation.key}: a region about which the source says nothing")
    fault = find_fault(annotation)
    return ("dropped" if fault and fault.reason == "point_without_extent" else "rejected"), fault


def _rename_layer(ledger: _Ledger, declaration: Declaration, layer: MaskLayer, stem: str) -> Iterator[MaskLayer]:
    """Yield the layer with released labels and the values of ignored labels ignored, or exclude it."""
    own = declaration.readings[layer.reading]
    outcome = {value: own.release_label(label) for value, label in layer.labels.items()}
    ignored = {value: renamed.ignore for value, renamed in outcome.items() if isinstance(renamed, IgnoreLabel)}
    ignored |= {value: "masks.ignore has its value" for value in layer.ignore if value in outcome}
    labels = {value: renamed for value, renamed in outcome.items() if isinstance(renamed, str) and value not in ignored}
    single = None if layer.label is None else own.release_label(layer.label)
    if isinstance(single, IgnoreLabel) or (layer.labels and not labels and single is None):
        reason = single.ignore if isinstance(single, IgnoreLabel) else "all its labels are ignored"
        problem = Problem("label_ignored", f"{layer.member}: {layer.label or 'the mask'} is left out: {reason}")
        ledger.leave_out([f"{layer.member}#{layer.plane or 'mask'}@{stem}"], "dropped", problem, stem)
        return
    left_out = {value: f"{layer.labels[value]} is left out: {why}" for value, why in ignored.items()}
    yield replace(layer, label=single, labels=labels, ignore=(*layer.ignore, *ignored), left_out=left_out)


def _labels_of(picture: AnnotatedPicture) -> Iterator[str]:
    """Yield the source's labels of all annotations and masks of a picture."""
    yield from (annotation.label for annotation in picture.annotations)
    for layer in picture.layers:
        yield from _layer_labels(layer)


def _layer_labels(layer: MaskLayer) -> set[str]:
    return {*layer.labels.values(), *([layer.label] if layer.label else [])}


def _released(declaration: Declaration, label: str) -> str:
    renamed = declaration.release_label(label)
    return renamed if isinstance(renamed, str) else label


def _certain_labels(declaration: Declaration, picture: AnnotatedPicture, doubtful: set[str]) -> tuple[str, ...]:
    """Return the labels that are annotated exhaustively in this picture."""
    absence = declaration.absence
    empty = not picture.annotations and not picture.layers
    silent = absence.missing_file if not picture.annotated else absence.empty_file if empty else "none"
    if silent != "none":
        return ()
    certain = {_released(declaration, label) for label in absence.certain}
    return tuple(sorted(certain - doubtful - declaration.hierarchy.keys()))


def _account(ledger: _Ledger, declaration: Declaration, files: Files) -> Indexed:
    """Return samples and exclusions, after dropping unused members."""
    names = set(files.names())
    rest = names - ledger.used - ledger.exclusions.keys()
    ledger.exclusions |= {row.key: row for row in drop_declared(ledger.source, rest, declaration.drop)}
    rest -= ledger.exclusions.keys()
    excluded = {key.partition("#")[0] for key in ledger.exclusions}
    for name in sorted(rest & excluded):
        problem = Problem(NOT_PART, f"{name}: all its annotations are in quarantine, each with its reason")
        ledger.leave_out([name], "dropped", problem)
    rest -= excluded
    for name in sorted(rest):
        if split_path(name).extension in PICTURE_EXTENSIONS and not files.head(name, 1):
            ledger.leave_out([name], "rejected", Problem("empty_file", f"{name}: the file has no bytes"))
    rest -= ledger.exclusions.keys()
    exclusions = {row.key: row for row in drop_foreign(ledger.source, split_paths(sorted(rest)))}
    exclusions |= {key: row for key, row in ledger.exclusions.items() if key not in ledger.used}
    samples = tuple(sorted(ledger.samples.values(), key=lambda sample: sample.sample_id))
    return Indexed(samples, frozenset(ledger.used), tuple(sorted(exclusions.values(), key=lambda row: row.key)))
