"""Choose the licence of a release: one that the terms of all its pictures allow, as the Hub writes it."""

from collections.abc import Sequence
from typing import Final

import polars as pl

from medmultipoints.data_lake.catalogue import SourceInfo
from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.licences.combine import OWN, LicenceConflict, is_listed, release_licence

_HUB: Final = frozenset((
    "afl-3.0", "agpl-3.0", "apache-2.0", "artistic-2.0", "bsd", "bsd-2-clause", "bsd-3-clause",
    "bsd-3-clause-clear", "bsl-1.0", "c-uda", "cc", "cc0-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0",
    "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0",
    "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cdla-permissive-1.0",
    "cdla-permissive-2.0", "cdla-sharing-1.0", "ecl-2.0", "epl-1.0", "epl-2.0", "etalab-2.0", "eupl-1.1",
    "eupl-1.2", "gfdl", "gpl", "gpl-2.0", "gpl-3.0", "isc", "lgpl", "lgpl-2.1", "lgpl-3.0", "lppl-1.3c", "mit",
    "mpl-2.0", "ms-pl", "ncsa", "odbl", "odc-by", "ofl-1.1", "osl-3.0", "pddl", "postgresql", "unlicense", "wtfpl",
    "zlib",
))  # fmt: skip
"""The licences that the Hub accepts in the front matter of a card, and that SPDX lists under this or another name."""
_GNU: Final = ("agpl-3.0", "gpl-2.0", "gpl-3.0", "lgpl-2.1", "lgpl-3.0")
_HUB_NAMES: Final = {"odbl-1.0": "odbl", "odc-by-1.0": "odc-by", "pddl-1.0": "pddl"} | {
    f"{name}-{which}": name for name in _GNU for which in ("only", "or-later")
}


def choose_licence(sources: Sequence[SourceInfo]) -> str:
    """Return the least restrictive licence that all sources allow; UsageError with a remedy if no licence is."""
    try:
        return release_licence([source.licensed for source in sources])
    except LicenceConflict as conflict:
        raise UsageError(f"no licence for this release: {conflict}") from conflict


def licence_link(licence: str, sources: Sequence[SourceInfo]) -> str:
    """Return a link to the text of a licence: at SPDX, or at the source that uses it."""
    if is_listed(licence) and not licence.startswith(OWN):
        return f"https://spdx.org/licenses/{licence}.html"
    return next((source.homepage for source in sources if source.licence == licence and source.homepage), "README.md")


def hub_licence(sources: Sequence[SourceInfo]) -> dict[str, str]:
    """Return the licence for the front matter of a card: ``other`` with name and link where the Hub has no name."""
    licence = choose_licence(sources)
    if (known := _HUB_NAMES.get(licence.lower(), licence.lower())) in _HUB:
        return {"license": known}
    name = licence.removeprefix(OWN).lower()
    return {"license": "other", "license_name": name, "license_link": licence_link(licence, sources)}


def licensed(sources: Sequence[SourceInfo], images: pl.DataFrame) -> list[SourceInfo]:
    """Return the sources of these images, with another entry for each further licence of a source's files.

    A source without an image is ignored; if there are no images, all sources count.
    """
    own = [source for source in sources if source.name in set(images["source"])] or list(sources)
    by_name = {source.name: source for source in own}
    pairs = images.select("source", "licence").unique().sort("source", "licence").iter_rows()
    others = [
        by_name[name].model_copy(update={"licence": licence, "terms": None})
        for name, licence in pairs
        if name in by_name and licence != by_name[name].licence
    ]
    return [*own, *others]


def licence_reason(sources: Sequence[SourceInfo]) -> str:
    """Return one sentence that explains the licence of a release."""
    licence = choose_licence(sources)
    own = sorted({source.licence for source in sources})
    if own == [licence]:
        return f"The sources of all pictures are under {licence}; each row has it in the column `licence`."
    return (
        f"{licence} is the freest licence that the sources of all pictures allow for changed and combined material "
        f"(theirs: {', '.join(own)}); each row keeps the licence of its own source in the column `licence`."
    )
