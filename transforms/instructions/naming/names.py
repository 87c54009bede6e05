"""The names of labels: the forms of each name, and the names that a label may have in an image."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import polars as pl

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.toml_text import parse_toml

IMAGE_TOKEN: Final = "<image>"
MARKS: Final = re.compile(rf'\{{\w*\}}|\{{"|{IMAGE_TOKEN}')
"""What no name may contain: a placeholder, the start of a JSON value, or the place of an image."""
When = Literal["always", "alone", "shared"]
_FORMS: Final = "forms"
# Consonant sounds that begin with a vowel letter, and a silent consonant.
_SOUNDS_CONSONANT: Final = re.compile(r"(uni|us[aeu]|eu|one|ute|ure)", re.IGNORECASE)
_SOUNDS_VOWEL: Final = re.compile(r"([aeiou]|hour|hono|heir)", re.IGNORECASE)
_SIDE: Final = re.compile(r"(^|\W)(left|right|upper|lower|anterior|posterior|middle|\w*\d)$", re.IGNORECASE)
_PLURALS: Final = (
    (re.compile(r"\b(nucle|thromb|bronch|vill|embol|fung|calcul)us$", re.IGNORECASE), r"\1i"),
    (re.compile(r"\bdebris$", re.IGNORECASE), "debris"),
    (re.compile(r"itis$", re.IGNORECASE), "itides"),
    (re.compile(r"\b(test|pelv)is$", re.IGNORECASE), r"\1es"),
    (re.compile(r"(?<=[aeioypxm])(s|x)is$", re.IGNORECASE), r"\1es"),
    (re.compile(r"\b(bacteri|diverticul|mitochondri|gangli|ov)(um|on)$", re.IGNORECASE), r"\1a"),
    (re.compile(r"\b(vertebr|trache|scler|papill)a$", re.IGNORECASE), r"\1ae"),
    (re.compile(r"(?<![aiosu])s$"), "s"),  # a plural already: platelets
    (re.compile(r"([^aeiou])y$"), r"\1ies"),
    (re.compile(r"(s|x|z|ch|sh)$"), r"\1es"),
    (re.compile(r"$"), "s"),
)


@dataclass(frozen=True, slots=True)
class Name:
    """The forms of a name; the singular is also the label in answers."""

    singular: str
    plural: str
    article: str

    @property
    def with_article(self) -> str:
        """The singular with a or an."""
        return f"{self.article} {self.singular}"


@dataclass(frozen=True, slots=True)
class Choice:
    """A name that a label may have: always, only without other labels in the image, or only with other labels."""

    name: Name
    when: When = "always"


@dataclass(frozen=True, slots=True)
class Names:
    """The names of each label under each policy, and all forms in use."""

    forms: tuple[Name, ...]
    by_policy: Mapping[str, Mapping[str, tuple[Choice, ...]]]


def parse_names(text: str) -> Names:
    """Return the names in the TOML text of a names file.

    Raise UsageError if the text is not TOML, a name has no forms, or a label may end up without a name.
    """
    content = parse_toml(text, "names file")
    forms = {name: _parse_form(name, entry) for name, entry in content.pop(_FORMS, {}).items()}
    policies = {
        policy: {label: _parse_choices(policy, label, entries, forms) for label, entries in labels.items()}
        for policy, labels in content.items()
    }
    return Names(tuple(forms.values()), policies)


def add_labels(names: Names, labels: Iterable[str], plurals: Mapping[str, str] | None = None) -> Names:
    """Return the names, completed for labels without one: the label's words, with the given or the regular plural.

    Therefore labels of any source have names: ``gastric_ulcer`` becomes "gastric ulcer". A label that ends in a side
    or a number has no plural of its own: "instances of rib right 9". A given label takes its name from an unused label
    of the names file: if only ``polyp`` is given, "polyp" no longer means ``polyps``.
    """
    labels = set(labels)
    forms = {name.singular: name for name in names.forms}
    named = {label for known in names.by_policy.values() for label in known}
    added: dict[str, tuple[Choice, ...]] = {}
    for label in sorted(labels - named):
        words = label.replace("_", " ")
        plural = (plurals or {}).get(label)
        own = Name(words, plural, article_of(words)) if plural else _regular(words)
        added[label] = (Choice(forms.setdefault(words, own)),)
    taken = {choice.name for (choice,) in added.values()}
    by_policy = {
        policy: added
        | {
            label: choices
            for label, choices in known.items()
            if label in labels or taken.isdisjoint(choice.name for choice in choices)
        }
        for policy, known in names.by_policy.items()
    }
    return Names(tuple(forms.values()), by_policy)


def drop_labels(names: Names, labels: Collection[str]) -> Names:
    """Return the names without those of some labels; the forms stay."""
    by_policy = {
        policy: {label: choices for label, choices in known.items() if label not in labels}
        for policy, known in names.by_policy.items()
    }
    return Names(names.forms, by_policy)


def article_of(word: str) -> Literal["a", "an"]:
    """Return the article of a word, by its first sound."""
    return "an" if _SOUNDS_VOWEL.match(word) and not _SOUNDS_CONSONANT.match(word) else "a"


def allowed_names(names: Names, policy: str, label: str, alone: bool) -> tuple[Name, ...]:
    """Return the names that an instruction may use for a label, in file order; none for an unknown label.

    ``alone``: the image has objects of this label and of no other.
    """
    unwanted = "shared" if alone else "alone"
    choices = names.by_policy.get(policy, {}).get(label, ())
    return tuple(choice.name for choice in choices if choice.when != unwanted)


def labels_present(
    records: pl.DataFrame, other_labels: Mapping[str, Collection[str]] | None = None
) -> dict[str, frozenset[str]]:
    """Return the labels with objects in each image, by image_sha256.

    ``other_labels`` adds labels without a record, such as those that a recipe leaves out.
    """
    found: dict[str, set[str]] = {}
    seen = records.filter(pl.col("count") > 0).select("image_sha256", "label").unique()
    for image, label in seen.iter_rows():
        found.setdefault(image, set()).add(label)
    for image, labels in (other_labels or {}).items():
        found.setdefault(image, set()).update(labels)
    return {image: frozenset(labels) for image, labels in found.items()}


def _regular(words: str) -> Name:
    if _SIDE.search(words):
        return Name(words, f"instances of {words}", article_of(words))
    ending, replacement = next(rule for rule in _PLURALS if rule[0].search(words))
    return Name(words, ending.sub(replacement, words, count=1), article_of(words))


def _parse_form(name: str, entry: Mapping[str, Any]) -> Name:
    plural, article = entry.get("plural"), entry.get("article")
    if not isinstance(plural, str) or article not in ("a", "an") or set(entry) != {"plural", "article"}:
        raise UsageError(f"names file: forms of {name}: expected plural = a text and article = 'a' or 'an'.")
    if name not in plural or any(character in name + plural for character in '{}[]"\\\n'):
        raise UsageError(f"names file: {name}: the plural must contain the name, without brackets, quotes or breaks.")
    return Name(name, plural, str(article))


def _parse_choices(
    policy: str, label: str, entries: list[dict[str, Any]], forms: Mapping[str, Name]
) -> tuple[Choice, ...]:
    """Return the names that a label may have; raise UsageError if an image could leave it without one."""
    row = f"names file: {policy}.{label}"
    for entry in entries:
        if not {"name"} <= set(entry) <= {"name", "when"} or entry.get("when", "always") not in get_args(When):
            raise UsageError(f"{row}: expected name and, if wanted, when = {' or '.join(get_args(When))}.")
        if entry["name"] not in forms:
            raise UsageError(f"{row}: {entry['name']} has no entry under [{_FORMS}]. Add its plural and article.")
    choices = tuple(Choice(forms[entry["name"]], entry.get("when", "always")) for entry in entries)
    kinds = {choice.when for choice in choices}
    if "always" not in kinds and kinds != {"alone", "shared"}:
        raise UsageError(f"{row}: images exist that leave the label without a name. Add one that holds always.")
    return choices
