"""What is wrong with prompt templates: each must ask in good English for exactly what its answer gives."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from medmultipoints.transforms.instructions.all_tasks import TASKS
from medmultipoints.transforms.instructions.answers.shapes import has_shape
from medmultipoints.transforms.instructions.naming.names import Names, article_of
from medmultipoints.transforms.instructions.prompts import Template, Templates, render_prompt
from medmultipoints.transforms.instructions.proofs.reading import example_start
from tests.transforms.instructions.asked_words import NAMES, UNITS, UNWANTED, WANTED

MIN_ASKS: Final = 25
_PLACEHOLDER: Final = re.compile(r"\{[^{}\"]*\}")
_YES_OR_NO: Final = re.compile(r"(^|[.?!] )(Is|Are|Does|Do) ")
_GRAMMAR: Final = (
    (re.compile(r"\{names\} (is|was|has)\b"), "a singular verb follows {names}"),
    (re.compile(r"\{(a_)?name\} (are|were|have|do)\b"), "a plural verb follows {name}"),
    (re.compile(r"\b(is|was) (the |there )?\{names\}"), "a singular verb precedes {names}"),
    (re.compile(r"\b(are|were) (the |there )?\{(a_)?name\}"), "a plural verb precedes {name}"),
    (
        re.compile(r"\b([Ee]ach|[Ee]very|per|one) \{(names|a_name)\}"),
        "a singular is wanted after each, every, per, one",
    ),
    (re.compile(r"\b([Aa]ll|many|several|(number|count) of)( the)? \{(a_)?name\}"), "a plural is wanted: {names}"),
    (re.compile(r"\b([Aa]n?|the) \{a_name\}|\b[Aa]n? \{names?\}"), "articles belong to {a_name} alone"),
    (re.compile(r"(^|[.?!] )[{a-z]"), "a sentence does not begin with a capital"),
    (_YES_OR_NO, "a yes or no is asked for, which the answer does not give"),
    (re.compile(r"(?<![Tt]he )\{referent\}"), "the article the belongs before {referent}"),
    (re.compile(r"  |^ | $|\n"), "stray white space"),
    (re.compile(r"\b(\w+) \1\b", re.IGNORECASE), "a word is doubled"),
    (re.compile(r"[^.?]$"), "the ask does not end with a full stop or question mark"),
)
_ARTICLE: Final = re.compile(r"\b(an?) (\w+)", re.IGNORECASE)


def lint_templates(templates: Templates, names: Names) -> list[str]:
    """One sentence per fault, sorted by task; empty when all templates are good with all names.

    Checks asks and requests as written (verbs of the task, grammar around placeholders, number, repeats) and
    every prompt with every name filled in (articles, placeholders left, example valid and of the task's shape).
    """
    faults = [f"{task}: no templates" for task in TASKS if task not in templates.by_task]
    for task, written in templates.by_task.items():
        asks = list(dict.fromkeys(template.ask for template in written))
        requests = list(dict.fromkeys(template.request for template in written))
        faults += [f"{task}: {fault}" for fault in _repeats(asks, requests, len(written))]
        faults += [f"{task}: {text}: {fault}" for text in asks for fault in _ask_faults(task, text, names)]
        faults += [f"{task}: {text}: {fault}" for text in requests for fault in _request_faults(task, text)]
        faults += [f"{task}: {fault}" for template in written for fault in _rendered_faults(task, template, names)]
    return faults


def _repeats(asks: list[str], requests: list[str], templates: int) -> Iterator[str]:
    if len(asks) < MIN_ASKS:
        yield f"{len(asks)} asks, at least {MIN_ASKS} are wanted"
    if len(asks) * len(requests) != templates:
        yield "an ask or a request is written twice"
    for texts in (asks, requests):
        bare = [re.sub(r"\W+", " ", text).strip().lower() for text in texts]
        yield from (f"{text}: repeats another" for text, key in zip(texts, bare, strict=True) if bare.count(key) > 1)


def _ask_faults(task: str, ask: str, names: Names) -> Iterator[str]:
    words = _PLACEHOLDER.sub("", ask)
    found = _PLACEHOLDER.findall(ask)
    yield from (f"unknown placeholder {one}" for one in found if one not in _known(task))
    yield from (f"has no place for {{{slot}}}" for slot in TASKS[task].slots if f"{{{slot}}}" not in found)
    if TASKS[task].names == "one" and not {*NAMES, "{referent}"}.intersection(found):
        yield "names no object"
    if re.search(r'[\[\]{}<>"]', words):
        yield "brackets or quotes belong to the request"
    if found_unit := UNITS.search(words):
        yield f"'{found_unit.group()}' is a unit, which belongs to the request"
    yield from (f"does not ask for {what}" for what, pattern in WANTED[task].items() if not pattern.search(words))
    yield from _unwanted(task, words)
    answered = {_YES_OR_NO} if task == "presence" else set()
    yield from (message for rule, message in _GRAMMAR if rule not in answered and rule.search(ask))
    for name in names.forms:
        if re.search(rf"\b({re.escape(name.singular)}|{re.escape(name.plural)})\b", words, re.IGNORECASE):
            yield f"holds the name {name.singular} itself"


def _request_faults(task: str, request: str) -> Iterator[str]:
    try:
        words, example = _split(task, request)
    except ValueError as error:
        yield f"the example is not an answer: {error}"
        return
    if not words.endswith(": "):
        yield "the example must follow a colon and a space"
    if "JSON" not in words or "fenced" not in words:
        yield "does not ask for JSON in a fenced block"
    yield from (f"unknown placeholder {found}" for found in _PLACEHOLDER.findall(words) if found not in NAMES)
    yield from _unwanted(task, _PLACEHOLDER.sub("", words))
    yield from _example_faults(example) if TASKS[task].published else ()


def _example_faults(example: Any) -> Iterator[str]:
    entries = example if isinstance(example, list) else [example]
    if {entry["label"] for entry in entries} != {"{name}"}:
        yield "the label of the example must be {name}"
    places: dict[str, list[Any]] = {}
    for key in ("point_2d", "bbox_2d"):
        if key in entries[0]:
            places[key] = [entry[key] for entry in example] if isinstance(example, list) else example[key]
    for found in places.values():
        if len(found) < 2:
            yield "the example shows a single object, but all are wanted"
        if entries[0].get("counts", len(found)) != len(found):
            yield "the example's count is not its number of entries"
    if any(x1 >= x2 or y1 >= y2 for x1, y1, x2, y2 in places.get("bbox_2d", [])):
        yield "a box of the example has no area"


def _known(task: str) -> set[str]:
    slots = {f"{{{slot}}}" for slot in TASKS[task].slots}
    return slots | (set(NAMES) if TASKS[task].names == "one" else set())


def _split(task: str, text: str) -> tuple[str, Any]:
    """The words of a request and its example; ValueError without an example of the shape of the task."""
    start = example_start(text)
    if start is None:
        raise ValueError("no JSON example")
    try:
        content = json.loads(text[start:], object_pairs_hook=_once)
    except json.JSONDecodeError:
        raise ValueError("not JSON") from None
    if not has_shape(content, TASKS[task].shape):
        raise ValueError("not of the shape of the task")
    return text[:start], content


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key occurs twice")
    return dict(pairs)


def _unwanted(task: str, words: str) -> Iterator[str]:
    for pattern in UNWANTED[task]:
        if found := pattern.search(words):
            yield f"'{found.group()}' asks for what the answer does not give"


def _rendered_faults(task: str, template: Template, names: Names) -> Iterator[str]:
    for name in names.forms:
        prompt = render_prompt(template, name, TASKS[task].slots)
        if not prompt.startswith("<image> ") or prompt.count("<image>") != 1:
            yield f"{prompt}: must start with <image>, once"
        if re.search(r"\{\w*\}", prompt):
            yield f"{prompt}: a placeholder is left"
        yield from (
            f"{prompt}: '{article} {word}'"
            for article, word in _ARTICLE.findall(prompt)
            if article.lower() != article_of(word)
        )
        try:
            _, example = _split(task, render_prompt(Template("", template.request), name))
            if TASKS[task].published and {name.singular} != {
                entry["label"] for entry in (example if isinstance(example, list) else [example])
            }:
                yield f"{prompt}: the example has another label"
        except ValueError as error:
            yield f"{prompt}: {error}"
