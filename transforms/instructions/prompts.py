"""Parse prompt templates from TOML text and render them with the name of an object."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import product

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.instructions.naming.names import IMAGE_TOKEN, Name
from medmultipoints.transforms.instructions.task_names import TASK_NAMES
from medmultipoints.transforms.toml_text import parse_toml


@dataclass(frozen=True, slots=True)
class Template:
    """A prompt template: the question (``ask``) and the format request.

    Placeholders: ``{name}`` singular, ``{names}`` plural, ``{a_name}`` singular with article; a task may have
    others. ``request`` ends with a JSON example of the answer.
    """

    ask: str
    request: str

    @property
    def text(self) -> str:
        """The whole prompt: image placeholder, question, format request."""
        return f"{IMAGE_TOKEN} {self.ask} {self.request}"


@dataclass(frozen=True, slots=True)
class Templates:
    """The templates of each task; their numbers are their positions, from 0."""

    by_task: Mapping[str, tuple[Template, ...]]


def parse_templates(texts: Mapping[str, str]) -> Templates:
    """Return the templates in the TOML text of each task: every ask combined with every request.

    Raise UsageError if a text is not TOML, names another task, or lacks asks or requests.
    """
    return Templates({task: _parse_task(task, text) for task, text in sorted(texts.items())})


def render_prompt(
    template: Template, name: Name | None = None, slots: Mapping[str, str] | None = None, images: int = 1
) -> str:
    """Return the prompt with the forms of ``name`` and the ``slots`` filled in, after ``images`` placeholders."""
    filled = IMAGE_TOKEN * (images - 1) + _fill_name(template.text, name)
    for slot, text in (slots or {}).items():
        filled = filled.replace(f"{{{slot}}}", _fill_name(text, name) if "{" in text else text)
    return filled


@lru_cache(maxsize=10_000)
def _fill_name(text: str, name: Name | None) -> str:
    """Return the text with the forms of a name; no name contains a placeholder."""
    filled = text
    if name is not None:
        filled = filled.replace("{names}", name.plural).replace("{a_name}", name.with_article)
        filled = filled.replace('"{name}"', json.dumps(name.singular, ensure_ascii=False))
        filled = filled.replace("{name}", name.singular)
    return filled


@cache
def _parse_task(task: str, text: str) -> tuple[Template, ...]:
    """Return the templates of one task; raise UsageError for a malformed file."""
    file = f"template file of task {task}"
    if task not in TASK_NAMES:
        raise UsageError(f"{file}: unknown task. Choose from {', '.join(TASK_NAMES)}.")
    content = parse_toml(text, file)
    if content.get("task") != task or set(content) != {"task", "asks", "requests"}:
        raise UsageError(f"{file}: expected exactly the keys task = '{task}', asks and requests. Correct the file.")
    asks, requests = (_strings(file, key, content[key]) for key in ("asks", "requests"))
    return tuple(Template(ask, request) for ask, request in product(asks, requests))


def _strings(file: str, key: str, value: object) -> list[str]:
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        raise UsageError(f"{file}: {key} must be a list of at least one text. Correct the file.")
    return value
