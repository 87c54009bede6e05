"""Find the connected components of pairs."""

from collections.abc import Iterable


def find_clusters(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the smallest name of the connected component of every name in a pair.

    The result does not depend on the order of the pairs.
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
