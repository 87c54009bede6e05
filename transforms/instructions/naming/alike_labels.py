"""Find labels that questions cannot distinguish: they differ only in case and separators, or share a name."""

from collections.abc import Iterable, Mapping

from medmultipoints.transforms.instructions.naming.names import Names, add_labels
from medmultipoints.transforms.sources.declaration.model import fold_label


def find_alike(names: Names, labels: Iterable[str], plurals: Mapping[str, str] | None = None) -> list[tuple[str, ...]]:
    """Return the groups of indistinguishable labels, each sorted.

    Names of all box policies count: a question about one label could be read as a question about another.
    """
    given = sorted(set(labels))
    named = add_labels(names, given, plurals)
    groups: list[tuple[set[str], set[str]]] = []
    for label in given:
        own, forms = {label}, {fold_label(label)}
        for policy in named.by_policy.values():
            for choice in policy.get(label, ()):
                forms |= {fold_label(choice.name.singular), fold_label(choice.name.plural)}
        for group in [group for group in groups if group[1] & forms]:
            groups.remove(group)
            own, forms = own | group[0], forms | group[1]
        groups.append((own, forms))
    return sorted(tuple(sorted(own)) for own, _ in groups if len(own) > 1)
