"""Make exclusions, and check that a reader uses or excludes every member."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.records import Exclusion, Indexed, Members, Sample, Verdict
from medmultipoints.transforms.reporting.counted import first_few
from medmultipoints.transforms.sources.declaration.patterns import compile_pattern
from medmultipoints.transforms.sources.paths import MemberPath

NOT_PART: Final = "not_part_of_the_dataset"
DROPPED: Final = "dropped_by_declaration"


@dataclass(frozen=True, slots=True)
class Problem:
    """Reason why an input cannot be used: a stable word, and a sentence that names the file and the values."""

    reason: str
    detail: str


class AccountingError(DataError):
    """Raised if a reader lost a member or counted it twice: a bug of the reader, not of the data."""


def exclude_sample(sample_id: str, verdict: Verdict, reason: str, detail: str, key: str | None = None) -> Exclusion:
    """Return the exclusion of a sample, or of an input of another ``key`` that belongs to it."""
    source = sample_id.partition("/")[0]
    return Exclusion(
        source=source, key=key or sample_id, verdict=verdict, reason=reason, detail=detail, sample_id=sample_id
    )


def exclude(
    source: str, keys: Iterable[str], verdict: Verdict, problem: Problem, stem: str | None = None
) -> tuple[Exclusion, ...]:
    """Return one exclusion per distinct key, all with the same verdict, reason and detail."""
    sample_id = None if stem is None else f"{source}/{stem}"
    return tuple(
        Exclusion(
            source=source,
            key=key,
            verdict=verdict,
            reason=problem.reason,
            detail=problem.detail,
            sample_id=sample_id,
        )
        for key in sorted(set(keys))
    )


def drop_foreign(source: str, paths: Iterable[MemberPath]) -> tuple[Exclusion, ...]:
    """Return one ``dropped`` exclusion per member that the reader does not use."""
    return tuple(
        exclusion
        for name in sorted({path.name for path in paths})
        for exclusion in exclude(
            source, [name], "dropped", Problem(NOT_PART, f"{name} is not a file that the reader uses")
        )
    )


def drop_declared(source: str, names: Iterable[str], drop: Iterable[str]) -> tuple[Exclusion, ...]:
    """Return one ``dropped`` exclusion per member that a pattern of ``drop`` matches, with the first one's reason."""
    said = (DROPPED, "is left out by the declaration's drop")
    reasons = [(compile_pattern(text), drop[text] if isinstance(drop, Mapping) else said) for text in drop]
    fitting = ((name, why) for name in sorted(set(names)) for pattern, why in reasons if pattern.fits(name))
    found = {name: Problem(word, f"{name} {detail}") for name, (word, detail) in reversed([*fitting])}
    return tuple(row for name in sorted(found) for row in exclude(source, [name], "dropped", found[name]))


def entry_key(member: str, entry: str) -> str:
    """Return the accounting key of an annotation entry without a member, as valid UTF-8."""
    return f"{member}#{printable(entry)}"


def printable(text: str) -> str:
    """Return the text with lone surrogates, which JSON allows but UTF-8 does not, as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def assemble(samples: Iterable[Sample], used: Iterable[str], exclusions: Iterable[Exclusion]) -> Indexed:
    """Return the result of a reader, with samples and exclusions sorted; members of samples count as used."""
    ordered = tuple(sorted(samples, key=lambda sample: sample.sample_id))
    in_samples = {name for sample in ordered for name in sample_members(sample)}
    return Indexed(ordered, frozenset(used) | in_samples, tuple(sorted(exclusions, key=lambda row: row.key)))


def sample_members(sample: Sample) -> tuple[str, ...]:
    """Return the members that one sample is read from."""
    names = (
        sample.image_member,
        sample.mask_member,
        sample.label_member,
        sample.track_member,
        sample.video_member,
        *(layer.member for layer in sample.layers),
    )
    return tuple(name for name in names if name is not None)


def check_members(members: Members, indexed: Indexed) -> None:
    """Raise AccountingError unless each member is used or excluded exactly once and sample ids are unique.

    A path listed twice in an archive is one key. Keys with ``#`` name annotation entries.
    """
    names = set(members.names())
    keys = Counter(row.key for row in indexed.exclusions)
    excluded = keys.keys() & names
    entries = {key for key in keys.keys() - names if _is_entry(key, names)}
    read = {name for sample in indexed.samples for name in sample_members(sample)}
    ids = Counter(sample.sample_id for sample in indexed.samples)
    faults = {
        "members neither used nor excluded": names - indexed.used - excluded,
        "members both used and excluded": indexed.used & excluded,
        "inputs excluded twice": {key for key, times in keys.items() if times > 1},
        "used or excluded inputs that do not exist": (indexed.used - names) | (keys.keys() - names - entries),
        "members of samples that are not counted as used": read - indexed.used,
        "sample ids that occur twice": {sample_id for sample_id, times in ids.items() if times > 1},
    }
    found = [f"{fault}: {first_few(sorted(values), 3)}" for fault, values in faults.items() if values]
    if found:
        raise AccountingError(f"the reader's accounting does not add up ({'; '.join(found)}). Please report this.")


def _is_entry(key: str, names: set[str]) -> bool:
    # A member's path may contain '#', so try each position.
    return any(key[:i] in names for i, character in enumerate(key) if character == "#")
