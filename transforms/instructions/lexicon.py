"""The names of labels in one release, shared by questions and proofs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.instructions.names import Name, Names, allowed_names
from medmultipoints.transforms.instructions.scenes import Scene


@dataclass(frozen=True)
class Lexicon:
    """Names of labels under a box policy; ``present``: the labels with objects in each image, by image_sha256."""

    names: Names
    policy: str
    present: Mapping[str, frozenset[str]]
    _known: dict[tuple[str, bool], tuple[Name, ...]] = field(default_factory=dict, compare=False, repr=False)

    def allowed(self, scenes: Iterable[Scene], label: str) -> tuple[Name, ...]:
        """Return the names that a question about these images may use for a label; every image must allow them."""
        own = frozenset({label})
        alone = all(self.present.get(scene.image_sha256) == own for scene in scenes)
        if (label, alone) not in self._known:
            self._known[label, alone] = allowed_names(self.names, self.policy, label, alone)
        return self._known[label, alone]

    def clear(self, label: str) -> Name:
        """Return the unambiguous name of a label, for questions about several labels."""
        found = allowed_names(self.names, self.policy, label, alone=False)
        if not found:
            raise UsageError(f"label {label}: no name under box policy {self.policy}. Add it to the names file.")
        return found[0]

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """All labels that have names, sorted."""
        return tuple(sorted(self.names.by_policy.get(self.policy, {})))
