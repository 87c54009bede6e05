"""Compare two releases on disk."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from medmultipoints.data_lake.release.read.json_files import reads_release, recipe_value
from medmultipoints.data_lake.release.read.released_tables import read_tables, table_files
from medmultipoints.data_lake.release.write.files import MADE
from medmultipoints.data_lake.release.write.manifest import Manifest, read_manifest
from medmultipoints.transforms.audit.decisions import PROPOSAL
from medmultipoints.transforms.diff.changes import Change, Example, named
from medmultipoints.transforms.diff.releases import EXAMPLES, ReleaseDiff, describe, diff_releases, next_version
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.reporting.counted import plural

SAID_ELSEWHERE: Final = ("version", "corrections.files", "corrections.entries", "corrections.withdrawn")
"""Values of the recipe that are no change of it, or are reported as decisions."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The difference of a release from an older one, and the version that it requires."""

    old_version: str
    proposed_version: str
    diff: ReleaseDiff

    @property
    def text(self) -> str:
        """The difference as text, one line per change."""
        return describe(self.diff)


@reads_release
def compare_releases(old: Path, new: Path, old_kind: type[Manifest] = Manifest) -> Comparison:
    """Compare two release folders of the same name; if their roots are equal, nothing is read.

    ``old_kind``: ClaimedManifest if ``old`` holds only some of the files in its manifest.
    """
    before, after = read_manifest(old), read_manifest(new)
    if before.name != after.name:
        raise DataError(f"{old} holds release '{before.name}', {new} holds '{after.name}': versions are per name.")
    diff = diff_folders(old, new, old_kind=old_kind)
    return Comparison(before.version, next_version(before.version, diff.level), diff)


@reads_release
def diff_folders(old: Path, new: Path, shown: int = EXAMPLES, *, old_kind: type[Manifest] = Manifest) -> ReleaseDiff:
    """Return the difference between two release folders, including their inputs; empty if the roots are equal."""
    before, after = read_manifest(old, old_kind), read_manifest(new)
    if before.manifest_root == after.manifest_root:
        return ReleaseDiff()
    tables = read_tables(old, before), read_tables(new, after)
    made = _made_tables(before, after, shown)
    return diff_releases(
        *tables, files_differ=not made, shown=shown, made_of=[*made, *_input_changes(before, after, shown)]
    )


def _made_tables(old: Manifest, new: Manifest, shown: int) -> list[Change]:
    """Return the tables of models (predictions, proposals, descriptions, ...) that came, went or changed."""
    before, after = (_made(one) for one in (old, new))
    differ = [table for table in before.keys() & after.keys() if before[table] != after[table]]
    found = [
        named("tables_lost", before.keys() - after.keys(), shown),
        named("tables_gained", after.keys() - before.keys(), shown),
        named("tables_changed", differ, shown),
    ]
    return [change for change in found if change.count]


def _made(manifest: Manifest) -> dict[str, list[str]]:
    """Return the tables that models made, with the sha256 of their files."""
    hashes = {file.path: file.sha256 for file in manifest.files}
    return {table: [hashes[path] for path in paths] for table in MADE if (paths := table_files(manifest, table))}


def _input_changes(old: Manifest, new: Manifest, shown: int) -> list[Change]:
    """Return the decisions, source files and recipe values that differ."""
    decided = [_decisions(one) for one in (old, new)]
    found = [
        Change(kind, len(examples), tuple(examples[:shown]))
        for kind, (one, other) in (("decisions_added", decided[::-1]), ("decisions_removed", decided))
        if (examples := [Example(image, text) for image, text in one if (image, text) not in other])
    ]
    files = [_files(one) for one in (old, new)]
    recipes = [dict(_flatten(one.recipe)) for one in (old, new)]
    for kind, (before, after) in (("source_files_changed", files), ("recipe_changed", recipes)):
        differ = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        examples = [
            Example(
                name, _presence(before, after, name) if kind == "source_files_changed" else _turn(before, after, name)
            )
            for name in differ
        ]
        if examples:
            found.append(Change(kind, len(examples), tuple(examples[:shown])))
    return found


def _presence(before: Mapping[str, Any], after: Mapping[str, Any], name: str) -> str:
    return "new" if name not in before else "gone" if name not in after else ""


def _turn(before: Mapping[str, Any], after: Mapping[str, Any], name: str) -> str:
    return " to ".join(_shorten_both(before.get(name), after.get(name)))


def _files(manifest: Manifest) -> dict[str, str]:
    return {f"{source.name}/{file.name}": file.sha256 for source in manifest.sources for file in source.files}


def _decisions(manifest: Manifest) -> list[tuple[str, str]]:
    """Return image (or sha256, if withdrawn) and decision text of each entry; acceptances come last."""
    entries = recipe_value(manifest, list, "corrections", "entries") or []
    withdrawn = recipe_value(manifest, list, "corrections", "withdrawn") or []
    named = [(one.get("image", ""), one) for one in entries if isinstance(one, Mapping)]
    named += [(one.get("image_sha256", ""), one | {"action": "withdraw"}) for one in withdrawn if isinstance(one, dict)]
    changing_first = sorted(named, key=lambda one: (one[1].get("action") == "accept", str(one[0])))
    return [(str(image), describe_decision(one)) for image, one in changing_first]


def describe_decision(entry: Mapping[str, Any]) -> str:
    """Return a decision with reviewer and reason: ``polyps → instrument, Dr Desk: wrong label``."""
    named = str(entry.get("object") or "").split(":")
    before = named[-2] if len(named) > 2 else ""
    label, kind = entry.get("label") or "", str(entry.get("kind") or "").replace("_", " ")
    boxes, masks = (len(entry.get(name) or ()) for name in ("boxes", "rles"))
    drawn = f"{plural(masks, 'mask') if masks else plural(boxes, 'box', 'boxes')} of {label}"
    text = {
        "exclude": f"{before} removed" if named[0] else "picture excluded",
        "withdraw": "picture withdrawn",
        "accept": "proposal refused" if kind == PROPOSAL else f"{kind or 'all findings'} accepted",
        "set_label": f"{before} → {label}" if before else f"label {label}",
    }.get(str(entry.get("action")), f"{drawn} {'added' if str(entry.get('action')).startswith('add') else 'redrawn'}")
    return f"{text}, {entry.get('reviewer', '')}: {entry.get('reason', '')}"


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value of a recipe by its dotted name, corrections by their image; skip the version."""
    for name, value in values.items():
        if f"{prefix}{name}" in SAID_ELSEWHERE:
            continue
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{name}.")
        elif isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            decided: dict[str, list[str]] = {}
            for one in value:
                decided.setdefault(str(one.get("image") or one.get("image_sha256") or ""), []).append(_decision(one))
            yield from ((f"{prefix}{name} {image}", "; ".join(sorted(all_))) for image, all_ in decided.items())
        else:
            yield f"{prefix}{name}", value


def _decision(entry: Mapping[str, Any]) -> str:
    """Return the action of a correction, or the reason of a withdrawal, with all its details."""
    first = ("kind", "object", "label", "box", "boxes", "masks", "points")
    parts = (entry.get(name) for name in first)
    action = entry.get("action") or entry.get("reason") or dict(entry)
    return " ".join([str(action), *(str(one) for one in parts if one)])


def _short(value: object) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:12]}..."


def _shorten_both(before: object, after: object) -> tuple[str, str]:
    """Return both values shortened; long ones with a common start are cut near their first difference."""
    if (short := (_short(before), _short(after)))[0] != short[1]:
        return short
    one, other = str(before), str(after)
    same = next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(min(one, other, key=len))
    )
    return f"...{one[same - 8 : same + 24]}", f"...{other[same - 8 : same + 24]}"
