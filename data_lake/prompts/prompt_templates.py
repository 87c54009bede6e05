"""Load the built-in prompt templates from their files."""

from collections.abc import Sequence

from medmultipoints.data_lake.prompts.object_names import names_digest, prompt_asset
from medmultipoints.data_lake.store.keys import digest
from medmultipoints.transforms.instructions.prompts import Templates, parse_templates
from medmultipoints.transforms.instructions.task_names import TASK_NAMES


def load_templates(tasks: Sequence[str] = TASK_NAMES) -> Templates:
    """Return the templates of the tasks."""
    return parse_templates({task: prompt_asset(f"templates/{task}.toml") for task in tasks})


def wording_digest() -> str:
    """Return the digest of all templates and names; part of the key of every stage that writes prompts."""
    return digest([names_digest(), *(prompt_asset(f"templates/{task}.toml") for task in TASK_NAMES)])
