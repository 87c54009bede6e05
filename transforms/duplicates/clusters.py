"""Connected components of pairs: what belongs together when links are followed to the end."""

from collections.abc import Iterable


def find_clusters(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return every name that occurs in a pair, mapped to the smallest name of its connected component.

    Independent of the order of the pairs; a name that occurs in no pair is its own component and absent.
    """
    parent: dict[str, str] = {}
    for first, second in pairs:
        low, high = sorted((_root(parent, first), _root(parent, second)))
        parent[high] = low
    return {name: _root(parent, name) for name in parent}


def _root(parent: dict[str, str], name: str) -> str:
    path = []
    while parent.setdefault(name, name) != name:
        path.append(name)
        name = parent[name]
    parent.update(dict.fromkeys(path, name))
    return name
