"""Choose the licence of a release: one that the terms of all its pictures allow, as the Hub writes it."""

from collections.abc import Sequence

import polars as pl

from medmultipoints.data_lake.catalogue import SourceInfo
from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.licences.combine import LicenceConflict, release_licence


def choose_licence(sources: Sequence[SourceInfo]) -> str:
    """Return the least restrictive licence that all sources allow; UsageError with a remedy if no licence is."""
    try:
        return release_licence([source.licensed for source in sources])
    except LicenceConflict as conflict:
        raise UsageError(f"no licence for this release: {conflict}") from conflict


def licence_link(licence: str, sources: Sequence[SourceInfo]) -> str:
    """Return a link to the text of a licence: at SPDX, or at the source that uses it."""
    if not licence.startswith("LicenseRef-"):
        return f"https://spdx.org/licenses/{licence}.html"
    return next((source.homepage for source in sources if source.licence == licence and source.homepage), "README.md")


def hub_licence(sources: Sequence[SourceInfo]) -> dict[str, str]:
    """Return the licence for the front matter of a card; a custom licence is ``other`` with name and link."""
    licence = choose_licence(sources)
    if not licence.startswith("LicenseRef-"):
        return {"license": licence.lower()}
    name = licence.removeprefix("LicenseRef-").lower()
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
