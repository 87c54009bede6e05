"""Read sources of the catalogue with their readers, outside of a build."""

from typing import Any

from medmultipoints.data_lake.catalogue import load_catalogue, load_reader
from medmultipoints.transforms.records import Indexed, Members
from medmultipoints.transforms.sources.accounting import check_members


def read_described(name: str, members: Members, **options: Any) -> Indexed:
    """Return the samples of a source whose reader follows its declaration, with every member accounted for."""
    info = load_catalogue()[name]
    indexed: Indexed = load_reader(info.reader)(members, described=info.described, **options)
    check_members(members, indexed)
    return indexed
