"""The licence of a release: the strictest of its sources, in the words of the Hub."""

from collections.abc import Sequence

import polars as pl

from medmultipoints.data_lake.catalogue import LICENCES, SourceInfo


def strictest(sources: Sequence[SourceInfo]) -> SourceInfo:
    """The source whose licence binds the whole; among equals the first."""
    return max(sources, key=lambda source: source.strictness)


def hub_licence(source: SourceInfo) -> dict[str, str]:
    """The licence as the front matter of a card states it; terms of its own are ``other`` with name and link."""
    if source.licence in LICENCES and not source.licence.startswith("LicenseRef-"):
        return {"license": source.licence.lower()}
    name = source.licence.removeprefix("LicenseRef-").lower()
    return {"license": "other", "license_name": name, "license_link": source.homepage or "README.md"}


def licensed(sources: Sequence[SourceInfo], images: pl.DataFrame) -> list[SourceInfo]:
    """Return the sources, and once more those of which files have another licence, under that one."""
    by_name = {source.name: source for source in sources}
    pairs = images.select("source", "licence").unique().sort("source", "licence").iter_rows()
    others = [
        by_name[name].model_copy(update={"licence": licence})
        for name, licence in pairs
        if name in by_name and licence != by_name[name].licence
    ]
    return [*sources, *others]


def licence_reason(sources: Sequence[SourceInfo]) -> str:
    """Why the strictest licence stands on top, in one sentence."""
    top = strictest(sources)
    others = sorted({source.licence for source in sources} - {top.licence})
    if not others:
        return f"All sources are under {top.licence}; each row states it in the column `licence`."
    return (
        f"{top.licence} of {top.title} is the strictest licence among the sources (the others: {', '.join(others)}); "
        "each row keeps the licence of its own source in the column `licence`."
    )
