"""Draft declarations: propose values with proofs, ask questions, choose between alternative files."""

import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.sources.annotated import Hint, Proof, Question, Recognition
from medmultipoints.transforms.sources.declaration.patterns import as_patterns
from medmultipoints.transforms.sources.declaration.text import toml_value
from medmultipoints.transforms.sources.paths import split_path
from medmultipoints.transforms.sources.reading.listing import Listing, by_folder, matching
from medmultipoints.transforms.sources.reading.path_patterns import propose_patterns
from medmultipoints.transforms.sources.reading.picture_index import Joined


def toml_choice(text: str) -> str:
    """Return a choice as a TOML value: lists, tables and whole numbers unchanged, other texts quoted."""
    if text[:1] in ("[", "{") or text.isdigit():
        try:
            tomllib.loads(f"value = {text}")
            return text
        except tomllib.TOMLDecodeError:
            pass
    return toml_value(text)


@dataclass
class Draft:
    """A draft declaration: values by dotted key with proofs, questions and hints; stated keys are never asked."""

    format: str
    stated: Mapping[str, object]
    read: dict[str, Any] = field(default_factory=dict)
    proofs: list[Proof] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    hints: list[Hint] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.read["format"] = self.format

    def states(self, key: str) -> Any:
        """Return the stated value of a dotted key, or None."""
        value: Any = self.stated
        for part in key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value

    def likely(self, key: str) -> Any:
        """Return the proposed or stated value of a key, else the likely answer to its question, else None."""
        value: Any = self.read
        for part in key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        asked = next((question.default for question in self.questions if question.key == key), None)
        return tomllib.loads(f"value = {asked}")["value"] if value is None and asked is not None else value

    def line(self, key: str, value: Any, proof: str) -> None:
        """Propose a value, unless the key is stated."""
        stated = self.states(key)
        self.proofs.append(Proof(key, proof if stated is None else "stated"))
        place = self.read
        *tables, last = key.split(".")
        for table in tables:
            place = place.setdefault(table, {})
        place[last] = value if stated is None else stated

    def ask(self, key: str, text: str, choices: Sequence[str] = (), default: str | None = None) -> None:
        """Ask for a value, unless the key is stated; ``label`` answers for masks, too."""
        stated = self.states("label") if key == "masks.label" and self.states(key) is None else self.states(key)
        if stated is not None:
            self.line(key, stated, "stated")
        else:
            likely = None if default is None else toml_choice(default)
            self.questions.append(Question(key, text, tuple(map(toml_choice, choices)), likely))

    def refuse(self, key: str, value: str | None, why: str) -> None:
        """Raise UsageError if a key is stated with a value that the data contradict."""
        if value is not None and self.states(key) == value:
            raise UsageError(f"read.{key} = {toml_value(value)}: {why}. Correct the key, or the file.")

    def settle(self, key: str, value: Any, proof: str) -> None:
        """Propose a value for a key, in place of the question about it."""
        self.questions = [question for question in self.questions if question.key != key]
        self.line(key, value, proof)

    def asks(self, key: str) -> Question | None:
        """Return the open question about a key, or None."""
        return next((question for question in self.questions if question.key == key), None)

    def hint(self, key: str, text: str) -> None:
        self.hints.append(Hint(key, text))

    def done(self) -> Recognition:
        return Recognition(
            read=self.read, proofs=tuple(self.proofs), questions=tuple(self.questions), hints=tuple(self.hints)
        )


def ask_missing(name: str, stated: Mapping[str, object], questions: Mapping[str, str]) -> Recognition | None:
    """Ask for the keys that a declaration of a format lacks; return None if it gives another format."""
    draft = Draft(name, stated)
    for key, text in questions.items():
        draft.ask(key, text)
    return draft.done() if stated.get("format") == name else None


def redraft(recognition: Recognition, stated: Mapping[str, object]) -> Draft:
    """Return a proposal as a draft, to which more can be added."""
    draft = Draft(str(recognition.read["format"]), stated, dict(recognition.read))
    draft.proofs, draft.questions = list(recognition.proofs), list(recognition.questions)
    draft.hints = list(recognition.hints)
    return draft


def reworded(question: Question, change: Callable[[str], str]) -> Question:
    """Return a question about patterns with ``change`` applied to the patterns in text, choices and default."""
    texts = [str(tomllib.loads(f"value = {choice}")["value"]) for choice in question.choices]
    changed = {text: change(text) for text in texts}
    said = question.text
    for text, new in changed.items():
        said = said.replace(text, new)
    new_choices = {toml_choice(text): toml_choice(new) for text, new in changed.items()}
    likely = None if question.default is None else new_choices.get(question.default, question.default)
    return replace(question, text=said, choices=tuple(new_choices.values()), default=likely)


def choose_files(
    draft: Draft,
    listing: Listing,
    names: Sequence[str],
    picture_of: Callable[[str], str],
    harmless: Collection[str] = (),
) -> tuple[str, ...]:
    """Return the annotation files to read, for formats with one file per picture.

    ``picture_of`` returns the picture of a file. If folders annotate the same pictures, ask which to read. The proposed
    pattern may also match ``harmless`` members.
    """
    stated = draft.states("annotations")
    if stated:
        chosen = matching(names, as_patterns(stated))
        draft.line("annotations", stated, "stated")
        return chosen
    folders = sorted(by_folder(names).items(), key=lambda item: (-len(item[1]), item[0]))
    sets = _disjoint((held, set(map(picture_of, held))) for _, held in folders)
    others = set(listing.kinds) - set(harmless) | set(names)
    texts = [propose_patterns(chosen, others) for chosen in sets]
    if len(sets) == 1:
        draft.line("annotations", single(texts[0]), f"{plural(len(sets[0]), 'file')} of this format, by content")
    else:
        draft.ask(
            "annotations",
            "Several folders annotate the same pictures: "
            + ", ".join(f"{text[0]} ({plural(len(held), 'file')})" for text, held in zip(texts, sets, strict=True))
            + ". Which one is right?",
            [text[0] for text in texts],
            texts[0][0],
        )
    return sets[0]


def single(values: tuple[str, ...]) -> str | tuple[str, ...]:
    """Return the only value, or the tuple of several values."""
    return values[0] if len(values) == 1 else values


def patterns_of(names: Iterable[str], others: Iterable[str]) -> str | tuple[str, ...]:
    """Return the only pattern that matches all names and none of the others, or the tuple of several."""
    return single(propose_patterns(names, others))


def propose_images(draft: Draft, listing: Listing, used: Sequence[str], foreign: Sequence[str] = ()) -> None:
    """Propose ``images`` for the used pictures, if any."""
    pictures = tuple(dict.fromkeys(used))
    if not pictures:
        return
    patterns = propose_patterns(pictures, foreign)
    draft.line(
        "images", single(patterns), f"{plural(len(pictures), 'picture')} of {len(listing.pictures):,} in the source"
    )


def in_same_folders(listing: Listing, joined: Sequence[str]) -> tuple[str, ...]:
    """Return all pictures in the folders of joined ones, including those without annotations."""
    folders = by_folder(joined)
    return tuple(name for name in listing.photos if name.rpartition("/")[0] in folders)


def choose_documents(draft: Draft, listing: Listing, found: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """Return the documents to read (``found``: their pictures); ask if some annotate the same pictures."""
    stated = draft.states("annotations")
    if stated:
        draft.line("annotations", stated, "stated")
        return matching(found, as_patterns(stated))
    ordered = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    sets = _disjoint(([name], pictures) for name, pictures in ordered)
    texts = [propose_patterns(chosen, listing.kinds) for chosen in sets]
    if len(sets) == 1:
        proof = f"{plural(len(sets[0]), 'file')} of this format"
        draft.line(
            "annotations", single(texts[0]), f"{proof}; no picture is in two of them" if len(sets[0]) > 1 else proof
        )
        return sets[0]
    sizes = [sum(len(found[name]) for name in chosen) for chosen in sets]
    said = ", ".join(f"{text[0]} ({plural(size, 'picture')})" for text, size in zip(texts, sizes, strict=True))
    draft.ask(
        "annotations",
        f"Several files annotate the same pictures: {said}. Which is right?",
        [t[0] for t in texts],
        texts[0][0],
    )
    draft.hint("several_files", f"{len(found)} files of this format annotate the same pictures")
    return sets[0]


def choose_joined_documents(
    draft: Draft, listing: Listing, joins: Mapping[str, Sequence[tuple[str, Joined]]]
) -> tuple[str, ...]:
    """Return the documents to read, for formats with many pictures per file; propose their pictures.

    ``joins`` holds the name of each entry of a file, and the picture that it joins.
    """
    found = {name: frozenset(join.member or entry for entry, join in held) for name, held in joins.items()}
    chosen = choose_documents(draft, listing, found)
    joined = sorted({join.member for name in chosen for _, join in joins[name] if join.member})
    propose_images(draft, listing, in_same_folders(listing, joined), listing.pictures)
    for name in chosen:
        hint_missing(draft, name, [join for _, join in joins[name]])
    return chosen


def _disjoint(parts: Iterable[tuple[Sequence[str], Set[str]]]) -> list[tuple[str, ...]]:
    """Return sets of files that annotate each picture once; a part (files, pictures) joins the first that it fits."""
    sets: list[tuple[list[str], set[str]]] = []
    for names, pictures in parts:
        for held, covered in sets:
            if not covered & pictures:
                held += names
                covered |= pictures
                break
        else:
            sets.append((list(names), set(pictures)))
    return [tuple(sorted(held)) for held, _ in sets]


def choose_joined_files(draft: Draft, listing: Listing, joins: Mapping[str, Joined]) -> tuple[str, ...]:
    """Return the annotation files to read, for formats with one file per picture; propose their pictures.

    ``joins`` holds the picture of each file, in the order of the files.
    """
    chosen = choose_files(draft, listing, tuple(joins), lambda name: joins[name].member or split_path(name).stem)
    joined = [member for name in chosen if (member := joins[name].member)]
    propose_images(draft, listing, in_same_folders(listing, joined), [n for n in listing.pictures if n not in joined])
    hint_missing(draft, "The source", [joins[name] for name in chosen])
    return chosen


def hint_crowds(draft: Draft, count: int) -> None:
    """Add a hint about crowd regions, if there are any."""
    if count:
        draft.hint("crowds", f"{plural(count, 'crowd region')} (iscrowd), never counted")


def hint_missing(draft: Draft, name: str, joins: Sequence[Joined]) -> None:
    """Add hints about names that join no picture or several, and paths that leave the source."""
    absent = sum(join.join == "missing" for join in joins)
    several = sum(join.join == "ambiguous" for join in joins)
    unsafe = sum(join.unsafe for join in joins)
    if absent:
        verb = "is" if absent == 1 else "are"
        draft.hint("pictures_missing", f"{name} names {plural(absent, 'picture')} that {verb} not in this source")
    if several:
        draft.hint(
            "pictures_ambiguous", f"{name} has {plural(several, 'name')} that several pictures of this source bear"
        )
    if unsafe:
        said = plural(unsafe, "absolute or upward path")
        draft.hint("unsafe_names", f"{name} has {said}; the last parts of each are used, nothing outside is read")


def ask_ellipses(draft: Draft, count: int) -> None:
    """Ask for the meaning of ellipses and circles, if there are any."""
    if count:
        words = (
            "Is the ellipse or circle the outline" if count == 1 else f"Are the {count:,} ellipses and circles outlines"
        )
        said = f"{words} of an object? Nothing of it is counted until this is answered."
        draft.ask("shapes.ellipse", said, ["polygon", "ignore"], "polygon")


def hint_shapes(draft: Draft, shapes: Mapping[str, int], unread: Sequence[str]) -> None:
    """Add hints about shapes that are left out."""
    for shape in unread:
        if shapes.get(shape):
            draft.hint(f"{shape}_left_out", f"{plural(shapes[shape], shape)} without an area that is read; left out")
