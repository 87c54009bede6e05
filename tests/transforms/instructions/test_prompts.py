"""Templates are parsed whole or refused with the file and the remedy."""

import pytest

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.instructions.naming.names import Name
from medmultipoints.transforms.instructions.prompts import Template, Templates, parse_templates, render_prompt
from medmultipoints.transforms.instructions.task_names import TASK_NAMES

COUNTING = """
task = "counting"
asks = ['How many {names} are there?', 'Count each {name}.']
requests = ['A: {"counts": 1, "label": "{name}"}', 'B: {"counts": 2, "label": "{name}"}']
"""


def test_templates_are_numbered_ask_by_ask() -> None:
    """Every ask comes with every request, asks first."""
    parsed = parse_templates({"counting": COUNTING}).by_task["counting"]

    assert [(template.ask[0], template.request[0]) for template in parsed] == [
        ("H", "A"),
        ("H", "B"),
        ("C", "A"),
        ("C", "B"),
    ]


def test_a_prompt_fills_every_form_of_the_name() -> None:
    """Singular, plural and article are each filled, in the ask and in the example."""
    template = Template("Is there {a_name}? Count all {names}.", 'Like: {"counts": 1, "label": "{name}"}')

    expected = '<image> Is there an ulcer? Count all ulcers. Like: {"counts": 1, "label": "ulcer"}'
    assert expected == render_prompt(template, Name("ulcer", "ulcers", "an"))


def test_every_task_ships_at_least_25_asks(templates: Templates) -> None:
    """Each task has 25 different ways to ask, in formats of several kinds."""
    assert set(TASK_NAMES) == set(templates.by_task)
    assert all(len({template.ask for template in written}) >= 25 for written in templates.by_task.values())


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"guessing": COUNTING}, "template file of task guessing: unknown task. Choose from pointing"),
        ({"counting": "task ="}, "template file of task counting: not valid TOML"),
        ({"pointing": COUNTING}, "expected exactly the keys task = 'pointing', asks and requests"),
        ({"counting": COUNTING + "\nextra = 1"}, "expected exactly the keys task = 'counting'"),
        ({"counting": 'task = "counting"\nasks = []\nrequests = ["x"]'}, "asks must be a list of at least one text"),
        ({"counting": 'task = "counting"\nasks = ["x"]\nrequests = [1]'}, "requests must be a list of at least one"),
    ],
)
def test_a_bad_template_file_is_refused(texts: dict[str, str], message: str) -> None:
    """The message names the task's file and what it lacks."""
    with pytest.raises(UsageError, match=message):
        parse_templates(texts)
