"""The licence of a release: one that the terms of every source allow for changed and combined material, or none."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Final

UNKNOWN: Final = "LicenseRef-unknown"
LICENCE: Final = r"^[A-Za-z0-9.+-]+$"
"""What the name of a licence looks like."""
_CREATIVE_COMMONS: Final = re.compile(r"cc-(?P<elements>by(-(nc|sa|nd))*)-(?P<version>\d\.\d)(-[a-z]+)*")


@dataclass(frozen=True, slots=True)
class Terms:
    """What a licence allows: passing on, passing on changed, and under which licences, from free to strict."""

    share: bool = True
    change: bool = True
    under: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Licensed:
    """A source with the name of its licence and its terms; None where nobody declared them."""

    name: str
    title: str
    licence: str
    terms: Terms | None


class LicenceConflict(ValueError):
    """No licence is allowed for a release of these sources; the message has the reason and the way out."""


@cache
def known_terms() -> Mapping[str, Terms]:
    """Return the table of known licences, by SPDX name."""
    return parse_terms(files("medmultipoints.transforms.licences").joinpath("terms.toml").read_text("utf-8"))


def find_terms(licence: str) -> Terms | None:
    """Return the terms of a licence by its SPDX name in any case; of older Creative Commons licences, too.

    Versions 2.0 to 3.0 and their ports let changed material pass to the next version of the same elements (section
    4b). No version of a licence with ND lets it pass on. None for a licence that is not known.
    """
    known = {name.lower(): terms for name, terms in known_terms().items()}
    plain = "-".join(licence.lower().replace("_", " ").split())
    if plain in known or not (found := _CREATIVE_COMMONS.fullmatch(plain)):
        return known.get(plain)
    if "nd" in found["elements"].split("-"):
        return Terms(change=False)
    return known.get(f"cc-{found['elements']}-4.0") if found["version"] in ("2.0", "2.5", "3.0") else None


def nearest_licence(text: str) -> str | None:
    """Return the known licence that is written otherwise, such as ``CC BY 4.0``, by its SPDX name; None if none is."""
    known = {name.lower(): name for name in known_terms()}
    plain = re.sub(r"[^a-z0-9.+]+", "-", text.lower()).strip("-").removesuffix("-license").removesuffix("-licence")
    near = get_close_matches(plain, known, n=1, cutoff=0.8)
    return known[near[0]] if near else None


def parse_terms(text: str) -> Mapping[str, Terms]:
    """Parse a table of licences."""
    return {
        name: Terms(row.get("share", True), row.get("change", True), tuple(row["under"]))
        for name, row in tomllib.loads(text).items()
    }


def release_licence(sources: Sequence[Licensed]) -> str:
    """Return the freest licence that all sources allow; LicenceConflict if no licence fits.

    A source without declared terms can be released alone, under its own name; it combines with nothing.
    """
    for source in sources:
        _check_alone(source)
    licences = {source.licence for source in sources}
    if licences == {UNKNOWN} and len({source.name for source in sources}) > 1:
        _check_declared(sources)
    if len(licences) == 1 and (sources[0].terms is None or sources[0].licence in sources[0].terms.under):
        return sources[0].licence
    _check_declared(sources)
    allowed = [set(source.terms.under) for source in sources if source.terms]
    shared = set.intersection(*allowed)
    if not shared:
        raise LicenceConflict(_conflict(sources))
    return next(licence for licence in _from_free_to_strict(sources) if licence in shared)


def _check_alone(source: Licensed) -> None:
    if source.terms is None:
        return
    if not source.terms.share:
        raise LicenceConflict(f"{source.title} ({source.licence}) may not be passed on. Leave out {source.name}.")
    if not source.terms.change:
        raise LicenceConflict(
            f"{source.title} is under {source.licence}, which forbids passing on changed material; boxes, points and "
            f"questions are changes. Leave out {source.name}, or get its authors' consent and declare it as its terms."
        )


def _check_declared(sources: Iterable[Licensed]) -> None:
    unknown = [source for source in sources if source.terms is None]
    if unknown:
        raise LicenceConflict(
            f"the licence of {unknown[0].title} ({unknown[0].licence}) has no declared terms, so it combines with no "
            f"other. Declare `terms` in the file of source {unknown[0].name}, release it alone, or leave it out."
        )


def _conflict(sources: Sequence[Licensed]) -> str:
    """Return the reason: the first two sources that exclude each other, or all of them together."""
    for number, one in enumerate(sources):
        for two in sources[number + 1 :]:
            if one.terms and two.terms and not set(one.terms.under) & set(two.terms.under):
                return (
                    f"{one.title} ({one.licence}) and {two.title} ({two.licence}) cannot be in one release: no licence "
                    f"satisfies both. Make two releases, or leave out {one.name} or {two.name}."
                )
    names = ", ".join(f"{source.name} ({source.licence})" for source in sources)
    return f"no licence satisfies all of {names}. Make two releases, or leave one source out."


def _from_free_to_strict(sources: Sequence[Licensed]) -> list[str]:
    """Return the licences of all rows in the order of the first source's row, the longest first."""
    rows = sorted((source.terms.under for source in sources if source.terms), key=len, reverse=True)
    return list(dict.fromkeys(licence for row in rows for licence in row))
