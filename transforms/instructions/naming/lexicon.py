"""The names of labels in one release, shared by questions and proofs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.instructions.naming.names import Name, Names, allowed_names
from medmultipoints.transforms.instructions.scenes import Scene

_NOTHING: Final = frozenset[str]()


@dataclass(frozen=True, eq=False)
class Lexicon:
    """Names of labels under a box policy; ``present``: the labels with objects in each image, by image_sha256."""

    names: Names
    policy: str
    present: Mapping[str, frozenset[str]]
    _known: dict[tuple[str, bool], tuple[Name, ...]] = field(default_factory=dict, repr=False)
    _named: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict, repr=False)

    def allowed(self, scenes: Iterable[Scene], label: str) -> tuple[Name, ...]:
        """Return the names that a question about these images may use for a label; every image must allow them."""
        return self.allowed_in([scene.image_sha256 for scene in scenes], label)

    def allowed_in(self, images: Iterable[str], label: str) -> tuple[Name, ...]:
        """Return the same for images by their image_sha256."""
        return self._allowed(label, alone=self._only(images) == label)

    def labels_of(self, scenes: Iterable[Scene], name: str) -> tuple[str, ...]:
        """Return the labels that may have a name in these images, found at once instead of label by label."""
        only = self._only(scene.image_sha256 for scene in scenes)
        if only not in self._named:
            named: dict[str, tuple[str, ...]] = {}
            for label in self.labels:
                for singular in dict.fromkeys(form.singular for form in self._allowed(label, alone=only == label)):
                    named[singular] = (*named.get(singular, ()), label)
            self._named[only] = named
        return self._named[only].get(name, ())

    def _only(self, images: Iterable[str]) -> str:
        """Return the one label that all of the images show; empty if they show several, or none."""
        labels: frozenset[str] | None = None
        for image in images:
            shown = self.present.get(image, _NOTHING)
            if labels is not None and shown != labels:
                return ""
            labels = shown
        return next(iter(labels)) if labels and len(labels) == 1 else ""

    def _allowed(self, label: str, *, alone: bool) -> tuple[Name, ...]:
        if (label, alone) not in self._known:
            self._known[label, alone] = allowed_names(self.names, self.policy, label, alone)
        return self._known[label, alone]

    @cached_property
    def label_by_clear_name(self) -> Mapping[str, tuple[str, ...]]:
        """The labels with each unambiguous name."""
        named: dict[str, tuple[str, ...]] = {}
        for label in self.labels:
            name = self.clear(label).singular
            named[name] = (*named.get(name, ()), label)
        return named

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
