"""Turn decisions from the page into changes of the corrections file."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from medmultipoints.data_lake.review.corrections_file import (
    CORRECTIONS,
    OPINIONS,
    SAMPLES,
    WITHDRAWN,
    Change,
    CorrectionsFile,
    Entries,
)
from medmultipoints.data_lake.review.desk import SAMPLE_KIND, Desk, Row
from medmultipoints.transforms.audit.decisions import PROPOSAL
from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.masks.outlines import fill_outlines
from medmultipoints.transforms.masks.run_lengths import decode_rle
from medmultipoints.transforms.records import Point
from medmultipoints.transforms.review.decisions import Decision, concerns, decisions_about, is_conflict
from medmultipoints.transforms.review.entries import (
    MOST_OBJECTS,
    Drawn,
    Entry,
    Signed,
    accept_entry,
    as_exclusion,
    edit_entries,
    exclude_entry,
    tidy_box,
    withdrawal_entry,
)
from medmultipoints.transforms.review.region_edits import MaskArray, mask_code

EDITS: Final = ("exclude", "replace_boxes", "replace_masks", "add_boxes", "add_masks", "set_label")
MOST_TEXT: Final = 2_000
MOST_TOGETHER: Final = 100_000


@dataclass(frozen=True, slots=True)
class DecisionState:
    """The decisions about a finding that one reviewer may see."""

    decisions: tuple[Decision, ...]
    conflict: bool

    def mine(self, reviewer: str) -> Decision | None:
        """Return the decision of this reviewer."""
        return next((one for one in self.decisions if one.reviewer == reviewer), None)


def decision_state(desk: Desk, entries: Entries, finding: Row) -> DecisionState:
    """Return the decisions about a finding and whether they conflict."""
    corrections = [*entries.corrections, *_withdrawals(desk, entries, finding["sample_id"])]
    decisions = tuple(decisions_about(finding, corrections, entries.opinions))
    conflict = len(decisions) > 1 and is_conflict(desk.seen(finding["sample_id"]), decisions)
    return DecisionState(decisions, conflict)


def decided_images(desk: Desk, entries: Entries) -> set[str]:
    """Return the images with a decision."""
    named = {entry["image"] for entry in (*entries.corrections, *entries.opinions)}
    own = (row["sample_id"] for row in desk.images()) if entries.withdrawn else ()
    return named | {sample_id for sample_id in own if _withdrawn_by(desk, entries, sample_id)}


def decide(desk: Desk, file: CorrectionsFile, asked: Mapping[str, Any]) -> None:
    """Write a decision; it is on disk when this returns. UsageError if it is incomplete."""
    finding = desk.finding(_text(asked, "finding"))
    by, verdict = _signed(desk, finding, asked), asked.get("verdict")
    with file.change() as (entries, change):
        if finding["kind"] == SAMPLE_KIND:
            _add_checked_record(desk, entries, change, finding, by, right=verdict == "accept")
        if finding["kind"] == SAMPLE_KIND and verdict == "accept":
            return
        if verdict == "withdraw":
            _withdraw(desk, entries, change, finding, by)
            return
        new = _entries_of(desk, change, finding, by, asked)
        own = _replaced(desk, entries, finding, by.reviewer, edits=verdict != "accept")
        for table, entry in own:
            change.remove(table, entry)
        others = [one for one in decision_state(desk, entries, finding).decisions if one.reviewer != by.reviewer]
        settles = bool(asked.get("settle"))
        if settles:
            _keep_as_opinions(change, others)
        table = OPINIONS if any(one.in_force for one in others) and not settles else CORRECTIONS
        for entry in new:
            change.add(table, {**entry, "settles": True} if settles else entry)


def decide_together(desk: Desk, file: CorrectionsFile, asked: Mapping[str, Any]) -> list[str]:
    """Write one decision about many findings of a kind, atomically; return the decided findings.

    Each entry records that it belongs to a group, and whether its picture was viewed. ``not_looked_at`` is the number
    of unviewed ones that the reviewer confirmed. A finding that got a decision meanwhile is left out.
    """
    findings, looked = _select_group(desk, asked)
    with file.change() as (entries, change):
        left = [one for one in findings if not decision_state(desk, entries, one).decisions]
        written: list[Entry] = []
        for finding in left:
            seen = "" if finding["finding_id"] in looked else ", not looked at"
            reason = f"{_text(asked, 'reason')} (one of {len(left):,} decided together{seen})"
            by = _signed(desk, finding, {**asked, "reason": reason})
            new = _entries_of(desk, change, finding, by, {"verdict": asked["verdict"]})
            written += [one for one in new if one not in written]
        for entry in _once_an_image(written) if asked["verdict"] == "exclude" else written:
            change.add(CORRECTIONS, entry)
    return [finding["finding_id"] for finding in left]


def _select_group(desk: Desk, asked: Mapping[str, Any]) -> tuple[list[Row], set[str]]:
    """Return the findings to decide together and the names of those viewed; UsageError if that is not possible."""
    if asked.get("verdict") not in ("accept", "exclude"):
        raise UsageError("only accept and exclude are decided together. Decide one by one.")
    findings = [desk.finding(name) for name in _names(asked, "findings")]
    looked = {*_names(asked, "looked")}
    kinds = {finding["kind"] for finding in findings}
    if len(kinds) != 1 or kinds & {SAMPLE_KIND, PROPOSAL}:
        raise UsageError("findings of one kind are decided together; samples and proposals are not.")
    unseen = sum(finding["finding_id"] not in looked for finding in findings)
    if asked.get("not_looked_at") != unseen:
        raise UsageError(f"{unseen} of these pictures were not looked at: confirm that number.")
    return findings, looked


def take_back(desk: Desk, file: CorrectionsFile, asked: Mapping[str, Any]) -> None:
    """Remove a reviewer's decision about a finding; an opinion of another reviewer replaces it."""
    finding, reviewer = desk.finding(_text(asked, "finding")), _text(asked, "reviewer")
    with file.change() as (entries, change):
        found = _replaced(desk, entries, finding, reviewer, edits=False)
        found = found or _replaced(desk, entries, finding, reviewer, edits=True)
        for table, entry in found:
            change.remove(table, entry)
        if finding["kind"] == SAMPLE_KIND:
            _forget_check(desk, entries, change, finding, reviewer)
        elif not found:
            raise UsageError("you have no decision to take back here.")
        left = [one for one in decision_state(desk, entries, finding).decisions if one.reviewer != reviewer]
        if left and not any(one.in_force for one in left):
            _move(change, left[0], OPINIONS, CORRECTIONS)


def take_back_together(desk: Desk, file: CorrectionsFile, asked: Mapping[str, Any]) -> None:
    """Remove a reviewer's decision about a group of findings, and nothing else."""
    reviewer, edits = _text(asked, "reviewer"), asked.get("verdict") == "exclude"
    findings = [desk.finding(name) for name in _names(asked, "findings")]
    with file.change() as (entries, change):
        gone: list[tuple[str, Entry]] = []
        for finding in findings:
            own = _replaced(desk, entries, finding, reviewer, edits=edits)
            gone += [one for one in own if one not in gone and " decided together" in one[1]["reason"]]
        for table, entry in gone:
            change.remove(table, entry)
    if not gone:
        raise UsageError("you have no decision to take back here.")


def _once_an_image(entries: Iterable[Entry]) -> list[Entry]:
    return [*{entry["image"]: entry for entry in entries}.values()]


def _withdraw(desk: Desk, entries: Entries, change: Change, finding: Row, by: Signed) -> None:
    """Exclude a picture and its copies from every later release; this reviewer's decisions about it become void."""
    image = desk.image(finding["sample_id"])
    assert image is not None
    for table, entry in _replaced(desk, entries, finding, by.reviewer, edits=True):
        change.remove(table, entry)
    change.add(WITHDRAWN, withdrawal_entry(by, image.get("luma_blake3")))


def _withdrawn_by(desk: Desk, entries: Entries, sample_id: str) -> list[Entry]:
    """Return the withdrawals of an image, by the bytes of its file or by its luma."""
    image = desk.image(sample_id) or {}
    hashes = {image.get("image_sha256"), image.get("luma_blake3")} - {None}
    return [
        entry for entry in entries.withdrawn if not hashes.isdisjoint((entry["image_sha256"], entry.get("luma_blake3")))
    ]


def _withdrawals(desk: Desk, entries: Entries, sample_id: str) -> list[Entry]:
    return [as_exclusion(entry, sample_id) for entry in _withdrawn_by(desk, entries, sample_id)]


def _keep_as_opinions(change: Change, others: Iterable[Decision]) -> None:
    """Keep decisions of other reviewers as opinions; only its own reviewer can take back a withdrawal."""
    for one in others:
        if one.withdraws:
            raise UsageError(f"{one.reviewer} withdrew this picture: only {one.reviewer} can take that back.")
        _move(change, one)


def _entries_of(desk: Desk, change: Change, finding: Row, by: Signed, asked: Mapping[str, Any]) -> list[Entry]:
    verdict = asked.get("verdict")
    seen = desk.seen(finding["sample_id"])
    proposal = desk.proposal(finding)
    if proposal is not None and (verdict == "accept" or asked.get("object") == proposal["proposal_id"]):
        return _proposal_entries(change, finding, by, proposal, accepted=verdict == "accept")
    if verdict == "accept":
        alike = [
            one for one in desk.findings.values() if (one["sample_id"], one["kind"]) == (by.image, finding["kind"])
        ]
        box = finding["derived_box"] or finding["source_box"] if len(alike) > 1 else None
        label = finding["label"] if len({one["label"] for one in alike}) > 1 else None
        return [accept_entry(by, finding["kind"], box, label)]
    if verdict == "exclude":
        name = asked.get("object")
        chosen = [one for one in seen if one.object_id == name]
        if name is not None and not chosen:
            raise UsageError(f"this picture has no object {name}. Reload the page.")
        return [exclude_entry(by, chosen[0] if chosen else None)]
    if verdict != "edit":
        raise UsageError(f"{verdict!r} is not a verdict; use accept, exclude or edit.")
    image = desk.image(finding["sample_id"])
    assert image is not None
    size = image["original_width"], image["original_height"]
    drawn = [_drawn(_new_if_proposed(one, proposal), seen, size, desk.labels) for one in _objects(asked)]
    entries, masks = edit_entries(by, seen, drawn, size, file_name(by.image))
    if not entries:
        raise UsageError("nothing was changed. Accept the finding, or change an object.")
    change.masks |= masks
    return entries


def _proposal_entries(change: Change, finding: Row, by: Signed, proposal: Row, *, accepted: bool) -> list[Entry]:
    """Return the entry that adds a proposed object, or that confirms the labels without it."""
    if not accepted:
        return [accept_entry(by, PROPOSAL, finding["derived_box"])]
    size = proposal["original_width"], proposal["original_height"]
    drawn = [Drawn(label=finding["label"], rle=proposal["rle"])]
    entries, masks = edit_entries(by, [], drawn, size, file_name(by.image))
    change.masks |= masks
    return entries


def _new_if_proposed(one: Mapping[str, Any], proposal: Row | None) -> Mapping[str, Any]:
    """Return a drawn object; one from a proposal is new, and has the proposal's mask if unchanged."""
    if proposal is None or one.get("origin") != proposal["proposal_id"]:
        return one
    return {**one, "origin": None} if one.get("changed") else {**one, "origin": None, "rle": proposal["rle"]}


def _objects(asked: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    found = asked.get("objects")
    if not isinstance(found, list) or len(found) > MOST_OBJECTS or not all(isinstance(one, dict) for one in found):
        raise UsageError("objects: a list is needed. Reload the page.")
    return found


def _drawn(one: Mapping[str, Any], seen: Sequence[Any], size: tuple[int, int], labels: Sequence[str]) -> Drawn:
    origin, label = one.get("origin"), str(one.get("label"))
    before = {own.object_id: own for own in seen}.get(origin) if origin else None
    if label not in labels and not (before and before.label == label):
        raise UsageError(f"{label!r} is not a label of the recipe, which has {', '.join(labels)}. Choose one.")
    if before is not None and not one.get("changed"):
        return Drawn(label=label, box=before.box, rle=before.rle, origin=origin, changed=False)
    if one.get("rle"):
        return Drawn(label=label, rle=mask_code(_given_mask(one["rle"], size)), origin=origin)
    if one.get("outlines"):
        return Drawn(label=label, rle=mask_code(outline_mask(one["outlines"], size)), origin=origin)
    return Drawn(label=label, box=tidy_box(one.get("box") or (), *size), origin=origin)


def _given_mask(rle: Any, size: tuple[int, int]) -> MaskArray:
    try:
        return decode_rle(str(rle), size[1], size[0])
    except ValueError as error:
        raise UsageError("a mask does not fit the picture. Reload the page.") from error


def outline_mask(outlines: Any, size: tuple[int, int]) -> MaskArray:
    """Return the pixels inside drawn outlines; UsageError if there are none."""
    try:
        polygons = [[(float(x), float(y)) for x, y in one] for one in outlines]
        mask = fill_outlines([one for one in polygons if len(one) >= 3], size[1], size[0])
    except (TypeError, ValueError, OverflowError) as error:
        raise UsageError("a polygon is not a list of points. Draw it again.") from error
    if not mask.any():
        raise UsageError("a polygon covers no pixel of the picture. Draw it again.")
    return mask


def point_of(value: Any) -> Point:
    """Return a point sent by the page; UsageError if it is invalid."""
    try:
        return Point(float(value[0]), float(value[1]))
    except (TypeError, ValueError, IndexError) as error:
        raise UsageError("a point is not two numbers. Draw the line again.") from error


def _signed(desk: Desk, finding: Row, asked: Mapping[str, Any]) -> Signed:
    image = desk.image(finding["sample_id"])
    if image is None:
        raise UsageError(f"{finding['sample_id']} is not in this release: nothing can be decided about it.")
    return sign(finding["sample_id"], image["image_sha256"], _text(asked, "reviewer"), _text(asked, "reason"))


def sign(image: str, image_sha256: str, reviewer: str, reason: str) -> Signed:
    """Return the signature of a decision about an image: reviewer, reason and today's date."""
    today = date.today().isoformat()  # noqa: DTZ011 (the reviewer's own day)
    return Signed(image=image, image_sha256=image_sha256, reviewer=reviewer, date=today, reason=reason)


def _names(asked: Mapping[str, Any], name: str) -> list[str]:
    found = asked.get(name)
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found) or len(found) > MOST_TOGETHER:
        raise UsageError(f"{name}: a list of at most {MOST_TOGETHER:,} findings is needed. Reload the page.")
    return [*dict.fromkeys(found)]


def _text(asked: Mapping[str, Any], name: str) -> str:
    value = asked.get(name)
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"{name} is missing. Give it, then decide again.")
    text = " ".join(value.split())
    if len(text) > MOST_TEXT or not text.isprintable():
        raise UsageError(f"{name}: at most {MOST_TEXT:,} printable characters. Shorten it.")
    return text


def _replaced(desk: Desk, entries: Entries, finding: Row, reviewer: str, *, edits: bool) -> list[tuple[str, Entry]]:
    """Return a reviewer's entries that a new decision replaces: acceptances, and with ``edits`` all entries."""
    withdrawn = _withdrawn_by(desk, entries, finding["sample_id"]) if edits else []
    tables: Iterable[tuple[str, Sequence[Entry]]] = ((CORRECTIONS, entries.corrections), (OPINIONS, entries.opinions))
    return [(WITHDRAWN, entry) for entry in withdrawn if entry["reviewer"] == reviewer] + [
        (table, entry)
        for table, own in tables
        for entry in own
        if entry["reviewer"] == reviewer
        and entry["image"] == finding["sample_id"]
        and ((edits and entry["action"] in EDITS) or (entry["action"] == "accept" and concerns(entry, finding)))
    ]


def _move(change: Change, decision: Decision, start: str = CORRECTIONS, to: str = OPINIONS) -> None:
    if decision.in_force == (start == CORRECTIONS):
        for entry in decision.entries:
            change.remove(start, entry)
            change.add(to, {key: value for key, value in entry.items() if key != "settles"})


def _add_checked_record(desk: Desk, entries: Entries, change: Change, finding: Row, by: Signed, *, right: bool) -> None:
    """Add a checked record to the table of its sample."""
    own = _own_sample(desk, entries, by.reviewer)
    base: dict[str, Any] = {"release": desk.manifest.title, "manifest_root": desk.manifest.manifest_root}
    base |= {"of": desk.records, "seed": desk.seed, "reviewer": by.reviewer, "date": by.date}
    lists = {name: set(own.get(name, ()) if own else ()) - {finding["record_id"]} for name in ("right", "wrong")}
    lists["right" if right else "wrong"].add(finding["record_id"])
    if own:
        change.remove(SAMPLES, own)
    change.add(SAMPLES, base | {name: sorted(rows) for name, rows in lists.items()})


def _forget_check(desk: Desk, entries: Entries, change: Change, finding: Row, reviewer: str) -> None:
    own = _own_sample(desk, entries, reviewer)
    if own:
        change.remove(SAMPLES, own)
        lists = {name: [one for one in own[name] if one != finding["record_id"]] for name in ("right", "wrong")}
        if any(lists.values()):
            change.add(SAMPLES, {**own, **lists})


def _own_sample(desk: Desk, entries: Entries, reviewer: str) -> Entry | None:
    wanted = (desk.manifest.manifest_root, desk.seed, reviewer)
    return next(
        (one for one in entries.samples if (one["manifest_root"], one["seed"], one["reviewer"]) == wanted), None
    )


def file_name(image: str) -> str:
    """Return the common prefix of the names of an image's mask files."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", image).strip("-.")[:80] or "image"
