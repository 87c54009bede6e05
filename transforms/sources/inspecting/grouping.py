"""Ask which pictures must share a split, if a part of their paths, such as a folder, covers several pictures each."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import accumulate, islice
from typing import Any, Final

from pydantic import ValidationError

from medmultipoints.transforms.errors import MemberProblem, UsageError
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import AnnotatedPicture, Recognition
from medmultipoints.transforms.sources.declaration.model import Declaration, fold_label, merge_read
from medmultipoints.transforms.sources.declaration.parts import COLUMNS
from medmultipoints.transforms.sources.declaration.patterns import as_patterns, compile_pattern, template_holes
from medmultipoints.transforms.sources.inspecting.augmented_copies import ask_copies
from medmultipoints.transforms.sources.inspecting.declared_answers import likely_answers, nest_keys
from medmultipoints.transforms.sources.reading.listing import Listing, matching
from medmultipoints.transforms.sources.reading.path_patterns import SPLIT_WORDS
from medmultipoints.transforms.sources.reading.picture_index import PictureIndex
from medmultipoints.transforms.sources.reading.proposing import Draft, redraft
from medmultipoints.transforms.sources.reading.records.row_facts import ask_group, ask_row_groups
from medmultipoints.transforms.sources.reading.records.table_columns import find_pictures
from medmultipoints.transforms.sources.reading.records.table_rows import even_rows, find_tables
from medmultipoints.transforms.sources.registry import read_pictures

READ: Final = 500
"""Pictures that are read for the labels that folders may be named after."""
TABLE: Final = "facts"
"""Name of a proposed table of facts."""
_MOST_ROWS: Final = 1_000_000
_NEVER: Final = COLUMNS | {"stem", "name", "target"}
"""Holes that identify a picture, or have a meaning of their own."""
_STORES: Final = SPLIT_WORDS | {"images", "image", "imgs", "img", "pictures", "photos", "frames", "data"}
"""Names of folders that only store files."""


def ask_groups(listing: Listing, recognition: Recognition, stated: Mapping[str, Any]) -> Recognition:
    """Return the proposal with a question for ``groups.group`` if holes of its path patterns cover several pictures.

    Values that are names of splits, of labels or of folders that only store files are no groups. Formats that name
    groups or videos themselves, and stated groups, are not asked; the table of a stated group is proposed.
    """
    draft = redraft(recognition, stated)
    ask_copies(draft, listing)
    group = draft.states("groups.group")
    of_table = isinstance(group, str) and any(hole.startswith(f"{TABLE}.") for hole in template_holes(group))
    if not of_table and (group is not None or draft.likely("groups.group") or draft.asks("groups.group")):
        return draft.done()
    if _ask_joined(draft, listing) or of_table:
        return draft.done()
    rows = _hole_rows(listing, as_patterns(draft.likely("images")), as_patterns(draft.likely("annotations")))
    choices = _templates(rows)
    if not choices or draft.read.get("video"):
        return recognition
    likely = nest_keys(likely_answers(recognition.questions))
    seen = read_some(listing, merge_read(merge_read(recognition.read, likely), stated))
    if any(one.columns.get("group") or one.frame is not None for one in seen):
        return recognition
    labels = {fold_label(label) for one in seen for label in _labels(one)}
    held = [choice for choice in choices if not _are_labels({row[choice] for row in rows}, labels)]
    if held:
        ask_group(draft, held[0], Counter(row[held[0]] for row in rows), len(rows), held)
    return draft.done()


def _ask_joined(draft: Draft, listing: Listing) -> bool:
    """Propose a table of facts that names pictures and, by the name of a column, patients; ask whether they group."""
    if draft.states("tables") is not None:
        return False
    masks = set(matching(listing.names(), as_patterns(draft.likely("annotations"))))
    index = PictureIndex(tuple(set(matching(listing.pictures, as_patterns(draft.likely("images")))) - masks))
    for name in sorted(set(find_tables(listing, 2)) - masks):
        try:
            rows = [row for _, row in islice(even_rows(listing, name, 2), _MOST_ROWS)]
        except MemberProblem:
            continue
        column = find_pictures(list(rows[0]), rows, index) if rows and index.names else None
        named = {member: row for row in rows if (member := index.find(row[column]).member)} if column else {}
        if len(named) * 2 > len(index.names) and ask_row_groups(draft, named, f"{TABLE}."):
            said = f"{column} names {len(named)} of {plural(len(index.names), 'picture')}"
            draft.line(f"tables.{TABLE}", {"file": name, "on": column}, said)
            return True
    return False


def _hole_rows(listing: Listing, images: tuple[str, ...], annotations: tuple[str, ...]) -> list[dict[str, str]]:
    """Return, for each picture, the values of the holes that all patterns have, and of leading holes together."""
    patterns = [compile_pattern(text) for text in images]
    common = [name for name in patterns[0].holes if all(name in one.holes for one in patterns)] if patterns else []
    names = [name for name in common if name not in _NEVER and not any(name in one.numbers for one in patterns)]
    folders = [name for name in names if all(f"{{{name}" in one.text.rpartition("/")[0] for one in patterns)]
    together = accumulate((f"{{{name}}}" for name in names), "{}/{}".format)
    templates = tuple(dict.fromkeys([*together, *(f"{{{name}}}" for name in folders)]))
    masks = set(matching(listing.pictures, annotations)) if annotations else set()
    rows = []
    for member in sorted(set(matching(listing.pictures, images)) - masks) if templates else ():
        found = next(values for one in patterns if (values := one.match(member)) is not None)
        rows.append({text: "/".join(found.get(name, "") for name in template_holes(text)) for text in templates})
    return rows


def _templates(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the templates of which most pictures share their value with another, but not all with all."""
    found = []
    for template in rows[0] if rows else ():
        times = Counter(row[template] for row in rows)
        shared = sum(count for count in times.values() if count > 1)
        words = {value.casefold() for value in times}
        if len(times) > 1 and shared * 2 > len(rows) and not words <= _STORES:
            found.append(template)
    return found


def read_some(listing: Listing, read: Mapping[str, Any], most: int | None = READ) -> list[AnnotatedPicture]:
    """Return some or all pictures as far as the declaration can be read with its questions open."""
    try:
        found = islice(read_pictures(Declaration.model_validate(read), listing), most)
        return [one for one in found if isinstance(one, AnnotatedPicture)]
    except (MemberProblem, UsageError, ValidationError):
        return []


def _labels(picture: AnnotatedPicture) -> set[str]:
    held = {one.label for one in picture.annotations}
    held |= {label for layer in picture.layers for label in (layer.label, *layer.labels.values()) if label}
    return held | {text for key in ("finding", "classification", "label") if (text := picture.columns.get(key))}


def _are_labels(values: set[str], labels: set[str]) -> bool:
    """Return whether most values are labels."""
    return sum(fold_label(value.rpartition("/")[2]) in labels for value in values) * 2 > len(values)
