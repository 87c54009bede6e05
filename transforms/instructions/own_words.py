"""Collect the words of all prompts: a class named like one of them, as "object", is not found by its name alone."""

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Final

from medmultipoints.transforms.instructions.phrases import GAP, HINTS, ORDINALS, REFERENTS, timing
from medmultipoints.transforms.instructions.task_names import TASK_NAMES

_PLACEHOLDER: Final = re.compile(r"\{\w+\}")


@cache
def own_words() -> str:
    """Return all texts of the built-in templates and all phrases, one per line, with gaps for their placeholders."""
    folder = files("medmultipoints.transforms.instructions.templates")
    parsed = [tomllib.loads(folder.joinpath(f"{task}.toml").read_text("utf-8")) for task in TASK_NAMES]
    texts = [text for task in parsed for text in (*task["asks"], *task["requests"])]
    phrases = [*REFERENTS.values(), *HINTS.values(), *ORDINALS, timing([0, 1], 50)]
    return _PLACEHOLDER.sub(GAP, "\n".join([*texts, *phrases]))
