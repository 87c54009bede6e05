"""Gather correction entries into decisions about a finding, and compare decisions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from medmultipoints.transforms.audit.decisions import PROPOSAL
from medmultipoints.transforms.records import Box
from medmultipoints.transforms.regions.boxes import are_near, iou
from medmultipoints.transforms.review.entries import Entry, Seen

Kind = Literal["accept", "exclude", "edit"]
SAME_PLACE: Final = 0.5
"""Least IoU at which an added object is an accepted proposal."""
SAME_IOU: Final = 0.9
"""Least IoU at which boxes of two reviewers are the same."""
FROM_MASKS: Final = "boxes_of_masks"
"""Key under which the file reader stores the boxes of an entry's masks."""


@dataclass(frozen=True, slots=True)
class Decision:
    """All entries of one reviewer about one finding; ``in_force``: the build applies them."""

    reviewer: str
    verdict: Kind
    date: str
    reason: str
    in_force: bool
    entries: tuple[Entry, ...]

    @property
    def settles(self) -> bool:
        return any(entry.get("settles") for entry in self.entries)

    @property
    def removes(self) -> bool:
        """Whether single objects are left out, and not the picture."""
        return self.verdict == "exclude" and all(entry.get("object") for entry in self.entries)

    @property
    def withdraws(self) -> bool:
        """Whether the picture and its copies are withdrawn from every later release."""
        return any(entry.get("withdrawn") for entry in self.entries)


def decisions_about(
    finding: Mapping[str, Any], corrections: Iterable[Entry], opinions: Iterable[Entry]
) -> list[Decision]:
    """Return the decisions about a finding: those in force first, then by date and reviewer."""
    found: dict[tuple[bool, str], list[Entry]] = {}
    for in_force, entries in ((True, corrections), (False, opinions)):
        for entry in entries:
            if concerns(entry, finding):
                found.setdefault((in_force, str(entry["reviewer"])), []).append(entry)
    decisions = [_decision(in_force, reviewer, entries) for (in_force, reviewer), entries in found.items()]
    return sorted(decisions, key=lambda one: (not one.in_force, one.date, one.reviewer))


def concerns(entry: Entry, finding: Mapping[str, Any]) -> bool:
    """Return whether an entry is about a finding: acceptances match by kind, label and box, others by label."""
    if entry["image"] != finding["sample_id"]:
        return False
    if entry["action"] == "accept":
        box = entry.get("box")
        boxes = [finding.get("source_box"), finding.get("derived_box")]
        pinned = box is None or any(other and are_near(box, other) for other in boxes)
        named = entry.get("label") in (None, finding.get("label"))
        kinds = (finding["kind"],) if finding["kind"] == PROPOSAL else (None, finding["kind"])
        return entry.get("kind") in kinds and named and pinned
    if finding["kind"] == PROPOSAL and str(entry["action"]).startswith("add_"):
        added = entry.get("boxes") or entry.get(FROM_MASKS, ())
        return any(iou(Box(*box), Box(*finding["derived_box"])) >= SAME_PLACE for box in added)
    labels = _labels_of(entry)
    return not finding.get("label") or not labels or finding["label"] in labels


def _labels_of(entry: Entry) -> set[str]:
    """Return the labels that an entry is about: its own and its object's; none for a whole image."""
    own = {str(entry["label"])} if entry.get("label") else set()
    named = str(entry["object"]).split(":")[1:-1] if entry.get("object") else []
    return own | ({":".join(named)} if named else set())


def outcome(seen: Sequence[Seen], entries: Iterable[Entry]) -> list[tuple[str, Box]] | None:
    """Return label and box of the objects after applying the entries; None if the image is excluded."""
    objects = {one.object_id: (one.label, one.box) for one in seen}
    added: list[tuple[str, Box]] = []
    for entry in entries:
        action, pinned = entry["action"], entry.get("object")
        if action == "accept":
            continue
        if action == "exclude" and pinned is None:
            return None
        chosen = _pinned(objects, entry) if pinned else _of_label(objects, entry)
        if action == "set_label":
            objects |= {name: (str(entry["label"]), objects[name][1]) for name in chosen}
        elif not action.startswith("add_"):
            objects = {name: one for name, one in objects.items() if name not in chosen}
        added += [(str(entry["label"]), Box(*box)) for box in entry.get("boxes") or entry.get(FROM_MASKS, ())]
    return [*objects.values(), *added]


def _pinned(objects: Mapping[str, tuple[str, Box]], entry: Entry) -> list[str]:
    """Return the object of an entry, by id or else by box, because builds renumber ids."""
    near = [name for name, (_, box) in objects.items() if are_near(entry["box"], box)]
    return [entry["object"]] if entry["object"] in near else near[:1]


def _of_label(objects: Mapping[str, tuple[str, Box]], entry: Entry) -> list[str]:
    every = entry["action"] == "set_label"
    return [name for name, (label, _) in objects.items() if every or label == entry.get("label")]


def pair_boxes(one: Sequence[tuple[str, Box]], other: Sequence[tuple[str, Box]]) -> list[float]:
    """Return the IoU of boxes of equal label, paired greedily, largest first; unpaired boxes give 0."""
    overlaps = sorted(
        (
            (iou(box, second), place, there)
            for place, (label, box) in enumerate(one)
            for there, (again, second) in enumerate(other)
            if label == again
        ),
        reverse=True,
    )
    left, right, found = set(range(len(one))), set(range(len(other))), []
    for overlap, place, there in overlaps:
        if place in left and there in right and overlap > 0:
            found.append(overlap)
            left.discard(place)
            right.discard(there)
    return found + [0.0] * max(len(left), len(right))


def disagree(seen: Sequence[Seen], one: Decision, other: Decision) -> bool:
    """Return whether two decisions leave different objects: another count or label, or an IoU below SAME_IOU."""
    first, second = outcome(seen, one.entries), outcome(seen, other.entries)
    if first is None or second is None:
        return first is not second
    return any(overlap < SAME_IOU for overlap in pair_boxes(first, second))


def is_conflict(seen: Sequence[Seen], decisions: Sequence[Decision]) -> bool:
    """Return whether two of the decisions disagree and none of them settles it."""
    if any(one.settles and one.in_force for one in decisions):
        return False
    return any(disagree(seen, one, other) for place, one in enumerate(decisions) for other in decisions[place + 1 :])


def first_of_equals(cases: Mapping[str, Sequence[Decision]]) -> dict[str, str]:
    """Map each case to the first case that the same decisions settle, since one edit may settle several findings.

    ``cases``: decisions about one image, by name. A case whose entries are all among another's is the same case.
    """
    entries = {name: frozenset(repr(entry) for one in own for entry in one.entries) for name, own in cases.items()}
    widest: list[str] = []
    belongs: dict[str, str] = {}
    for name in sorted(entries, key=lambda name: -len(entries[name])):
        around = next((one for one in widest if entries[name] <= entries[one]), None)
        if around is None:
            widest.append(name)
        belongs[name] = around or name
    firsts: dict[str, str] = {}
    for name in cases:
        firsts.setdefault(belongs[name], name)
    return {name: firsts[belongs[name]] for name in cases}


def _decision(in_force: bool, reviewer: str, entries: Sequence[Entry]) -> Decision:
    acts = {entry["action"] for entry in entries} - {"accept"}
    verdict: Kind = "accept" if not acts else "exclude" if acts == {"exclude"} else "edit"
    last = max(entries, key=lambda entry: str(entry["date"]))
    return Decision(reviewer, verdict, str(last["date"]), str(last["reason"]), in_force, tuple(entries))
