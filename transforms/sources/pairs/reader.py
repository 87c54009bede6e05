"""Read pairs of a picture and a mask of the same name, with the boxes of all pictures in one JSON.

A picture is rejected whole if its mask, its entry or one of its boxes cannot be used. Boxes keep the numbers of the
file: the audit finds their convention by the masks.
"""

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from unicodedata import normalize

from medmultipoints.transforms.errors import SourceDataError, UsageError
from medmultipoints.transforms.records import UNKNOWN, Exclusion, Indexed, MaskObject, Members, Sample
from medmultipoints.transforms.sources import accounting
from medmultipoints.transforms.sources.accounting import Problem, exclude
from medmultipoints.transforms.sources.declaration.patterns import Pattern, compile_pattern, fill
from medmultipoints.transforms.sources.described import DescribedSource
from medmultipoints.transforms.sources.joined_facts import PictureFacts
from medmultipoints.transforms.sources.pairs.annotation_files import AnnotationFile, read_annotation_file
from medmultipoints.transforms.sources.pairs.box_entries import parse_box_json
from medmultipoints.transforms.sources.pairs.pairing import BoxFile, Pair, join_pairs, reject_entries
from medmultipoints.transforms.sources.pairs.stated_masks import (
    IGNORED,
    NO_VALUES,
    MaskObjects,
    MaskValues,
    check_values,
    state_masks,
)
from medmultipoints.transforms.sources.paths import MemberPath, split_path, split_paths

KEYS = frozenset({"format", "images", "annotations", "labels", "drop", "splits.lists", "splits.use"})
KEYS |= {f"masks.{name}" for name in ("label", "values", "ignore", "object")}
"""Keys of a declaration of pairs, apart from those of an ontology."""


@dataclass(frozen=True, slots=True)
class PairFiles:
    """The files of a source of pairs: paths by kind (image, mask, dropped, clutter, foreign), annotations by name."""

    described: DescribedSource
    kinds: Mapping[str, Sequence[MemberPath]]
    annotations: Mapping[str, AnnotationFile]
    boxes: BoxFile

    @property
    def stems(self) -> frozenset[str]:
        """The names of all pictures, masks and entries."""
        return self.boxes.stems | {path.stem for kind in ("image", "mask") for path in self.kinds[kind]}


def read_samples(
    members: Members,
    *,
    described: DescribedSource,
    mask_values: MaskValues = NO_VALUES,
    mask_objects: MaskObjects = "component",
) -> Indexed:
    """Return a sample for each complete pair, with the official split of the list that names it.

    The label is exhaustive in every sample. A name in several lists is rejected as ``split_conflict``.
    Errors: SourceDataError if an annotation file or a list is missing or unreadable.
    """
    splits, masks = described.declaration.splits, described.declaration.masks
    values = mask_values or _declared_values(described)
    lists = {fill(split_path(splits.lists).filename, {"split": name}): name for name in splits.use if splits.lists}
    files = open_pairs(described, members, lists)
    listed = {name: _read_names(described.name, files.annotations[name]) for name in lists}

    def describe(pair: Pair) -> PictureFacts | Problem:
        held = [name for name, stems in listed.items() if pair.stem in stems]
        if len(held) > 1:
            places = " and ".join(files.annotations[name].member for name in held)
            return Problem("split_conflict", f"{pair.stem!r} is listed in both {places}")
        return PictureFacts(columns=described.facts, split=lists[held[0]] if held else None)

    samples, excluded = read_pairs(files, describe, values, masks.object or mask_objects)
    for name, stems in listed.items():
        excluded += reject_entries(described.name, files.annotations[name].member, stems - files.stems)
    return account_for(files, samples, excluded)


def _declared_values(described: DescribedSource) -> Mapping[str, str]:
    masks = described.declaration.masks
    try:
        return check_values({**masks.values, **dict.fromkeys(masks.ignore, IGNORED)}, [described.label])
    except ValueError as error:
        raise UsageError(f"{described.name}: read.masks.values: {error}.") from error


def open_pairs(described: DescribedSource, members: Members, further: Iterable[str]) -> PairFiles:
    """Return the files of a source of pairs, also the annotation files that ``further`` names.

    Errors: SourceDataError if an annotation file is missing or unreadable; UsageError for keys that pairs do not have.
    """
    keys, source = described.declaration, described.name
    masks = [text for text in keys.annotations if not text.endswith(".json")]
    named = [split_path(text).filename for text in keys.annotations if text not in masks]
    described.refuse_other_keys(KEYS, "pairs have one box file")
    if named[1:]:
        raise UsageError(f"{source}: read: {named[1]}: pairs have one box file.")
    paths = split_paths(members.names())
    annotations = {name: read_annotation_file(described, members, paths, name) for name in (*named, *further)}
    texts = {"dropped": keys.drop, "image": keys.images, "mask": masks}
    patterns = [(kind, compile_pattern(text)) for kind, listed in texts.items() for text in listed]
    kinds: defaultdict[str, list[MemberPath]] = defaultdict(list)
    for path in paths:
        kinds[_kind(path, patterns, annotations)].append(path)
    labels = {name: label for name, label in keys.labels.items() if isinstance(label, str)}
    labels |= {} if labels and not keys.known else {keys.masks.label or described.label: described.label}
    held = [annotations[name] for name in named]
    boxes = [BoxFile(file.member, *parse_box_json(source, file.member, file.data, labels)) for file in held]
    return PairFiles(described, kinds, annotations, boxes[0] if boxes else BoxFile())


def _kind(path: MemberPath, patterns: Iterable[tuple[str, Pattern]], annotations: Container[str]) -> str:
    if path.is_clutter:
        return "clutter"
    if path.filename in annotations:
        return "annotation"
    kind = next((kind for kind, pattern in patterns if pattern.match(path.name) is not None), "foreign")
    return kind if path.is_image or kind == "dropped" else "foreign"


def _read_names(source: str, file: AnnotationFile) -> frozenset[str]:
    try:
        lines = normalize("NFC", file.data.decode("utf-8-sig")).split("\n")
    except UnicodeDecodeError as error:
        remedy = "Give the file as its authors publish it."
        raise SourceDataError(source, file.member, f"is not UTF-8 text ({error})", remedy) from error
    return frozenset(line.strip() for line in lines if line.strip())


def read_pairs(
    files: PairFiles,
    describe: Callable[[Pair], PictureFacts | Problem],
    values: Mapping[str, str],
    objects: MaskObject,
) -> tuple[list[Sample], list[Exclusion]]:
    """Return the samples of complete pairs, and exclusions of all other pictures, masks and entries.

    ``describe`` returns the facts of a pair, or why it is rejected; ``values`` and ``objects``: see ``state_masks``.
    """
    described, samples = files.described, list[Sample]()
    pairs, rejected = join_pairs(described.name, files.kinds["image"], files.kinds["mask"], files.boxes)
    excluded = [*rejected]
    for pair in pairs:
        facts = describe(pair)
        if isinstance(facts, Problem):
            excluded += exclude(described.name, pair.members, "rejected", facts, pair.stem)
        else:
            samples.append(state_masks(_make_sample(described, pair, facts), values, objects))
    return samples, excluded


def _make_sample(described: DescribedSource, pair: Pair, facts: PictureFacts) -> Sample:
    return Sample(
        source=described.name,
        stem=pair.stem,
        image_member=pair.image,
        mask_member=pair.mask,
        mask_label=described.label,
        organ=facts.columns.get("organ", UNKNOWN),
        finding=facts.columns.get("finding", UNKNOWN),
        classification=facts.columns.get("classification", UNKNOWN),
        modality=facts.columns.get("modality"),
        official_split=facts.split,
        source_width=pair.boxes.width if pair.boxes else None,
        source_height=pair.boxes.height if pair.boxes else None,
        source_boxes=pair.boxes.boxes if pair.boxes else (),
        labels_exhaustive=(described.label,),
    )


def account_for(files: PairFiles, samples: Iterable[Sample], exclusions: Iterable[Exclusion]) -> Indexed:
    """Return samples and exclusions, with those of copied, dropped and foreign files."""
    source, keys, rows, samples = files.described.name, files.described.declaration, [*exclusions], tuple(samples)
    rows += (row for file in files.annotations.values() for row in file.exclusions)
    rows += accounting.drop_declared(source, (path.name for path in files.kinds["dropped"]), keys.drop)
    known = {row.key for row in rows} | {name for sample in samples for name in accounting.sample_members(sample)}
    foreign = (path for path in files.kinds["foreign"] if path.name not in known)
    rows += accounting.drop_foreign(source, (*foreign, *files.kinds["clutter"]))
    return accounting.assemble(samples, (file.member for file in files.annotations.values()), rows)
