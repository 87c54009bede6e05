"""Find the licence of a release that the terms of every source allow."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Annotated, Final

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from pydantic import AfterValidator, Field

UNKNOWN: Final = "LicenseRef-unknown"
LICENCE: Final = r"^[A-Za-z0-9.+-]+$"
"""Pattern of a licence identifier."""
OWN: Final = "LicenseRef-"
"""Prefix of the name of a licence that SPDX does not list."""
_CREATIVE_COMMONS: Final = re.compile(r"cc-(?P<elements>by(-(nc|sa|nd))*)-(?P<version>\d\.\d)(-[a-z]+)*")


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms of a licence: sharing, sharing changed material, and the licences allowed for that, freest first."""

    share: bool = True
    change: bool = True
    under: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Licensed:
    """A source with its licence and terms; ``terms`` is None if undeclared."""

    name: str
    title: str
    licence: str
    terms: Terms | None


class LicenceConflict(ValueError):
    """Raised if no licence fits a release of these sources; the message has the reason and the remedy."""


@cache
def known_terms() -> Mapping[str, Terms]:
    """Return the terms of the known licences by SPDX identifier."""
    text = files("medmultipoints.transforms.licences").joinpath("terms.toml").read_text("utf-8")
    return {
        name: Terms(row.get("share", True), row.get("change", True), tuple(row["under"]))
        for name, row in tomllib.loads(text).items()
    }


def find_terms(licence: str) -> Terms | None:
    """Return the terms of a licence by its SPDX identifier, in any case; None for an unknown licence.

    Creative Commons versions 2.0 to 3.0 and their ports allow changed material under a later version with the same
    elements (section 4b). ND licences of any version forbid sharing changed material.
    """
    known = {name.lower(): terms for name, terms in known_terms().items()}
    plain = "-".join(licence.lower().replace("_", " ").split())
    if plain in known or not (found := _CREATIVE_COMMONS.fullmatch(plain)):
        return known.get(plain)
    if "nd" in found["elements"].split("-"):
        return Terms(change=False)
    return known.get(f"cc-{found['elements']}-4.0") if found["version"] in ("2.0", "2.5", "3.0") else None


def is_listed(licence: str) -> bool:
    """Return whether SPDX lists a licence of this identifier, in any case."""
    try:
        canonicalize_license_expression(licence)
    except InvalidLicenseExpression:
        return False
    return True


def spdx_licence(licence: str) -> str:
    """Return an identifier in the spelling of SPDX; raise ValueError if it is neither listed nor ``LicenseRef-…``."""
    if licence.lower().startswith(OWN.lower()) and len(licence) > len(OWN):
        return OWN + licence[len(OWN) :]
    if not is_listed(licence):
        near = nearest_licence(licence)
        meant = f"perhaps '{near}' is meant; otherwise " if near else ""
        raise ValueError(
            f"SPDX lists no licence '{licence}'; {meant}'{OWN}{licence}' with `terms` names one of your own"
        )
    return str(canonicalize_license_expression(licence))


Licence = Annotated[str, Field(pattern=LICENCE), AfterValidator(spdx_licence)]


def nearest_licence(text: str) -> str | None:
    """Return the SPDX identifier most similar to a text such as ``CC BY 4.0``, or None."""
    known = {name.lower(): name for name in known_terms()}
    plain = re.sub(r"[^a-z0-9.+]+", "-", text.lower()).strip("-").removesuffix("-license").removesuffix("-licence")
    near = get_close_matches(plain, known, n=1, cutoff=0.8)
    return known[near[0]] if near else None


def release_licence(sources: Sequence[Licensed]) -> str:
    """Return the freest licence that all sources allow. Raise LicenceConflict if no licence fits.

    A source without declared terms can be released only alone, under its own licence.
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
    freest_first = sorted((source.terms.under for source in sources if source.terms), key=len, reverse=True)
    return next(licence for under in freest_first for licence in under if licence in shared)


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
    for source in sources:
        if source.licence == UNKNOWN:
            raise LicenceConflict(
                f"the licence of {source.title} is not stated, so it combines with no other. Write it in "
                f'[sources.{source.name}], such as licence = "CC-BY-4.0", release the source alone, or leave it out.'
            )
        if source.terms is None:
            raise LicenceConflict(
                f"the licence of {source.title} ({source.licence}) has no declared terms, so it combines with no "
                f"other. Declare `terms` in the file of source {source.name}, release it alone, or leave it out."
            )


def _conflict(sources: Sequence[Licensed]) -> str:
    """Return a sentence that names the first two incompatible sources, or all sources."""
    for number, one in enumerate(sources):
        for two in sources[number + 1 :]:
            if one.terms and two.terms and not set(one.terms.under) & set(two.terms.under):
                return (
                    f"{one.title} ({one.licence}) and {two.title} ({two.licence}) cannot be in one release: no licence "
                    f"satisfies both. Make two releases, or leave out {one.name} or {two.name}."
                )
    names = ", ".join(f"{source.name} ({source.licence})" for source in sources)
    return f"no licence satisfies all of {names}. Make two releases, or leave one source out."
