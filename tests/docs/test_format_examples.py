"""The page of examples has a declaration of every format, and each is one."""

import tomllib

import pytest

from medmultipoints.transforms.sources.declaration.model import Declaration
from medmultipoints.transforms.sources.declaration.used_keys import refuse_unused
from medmultipoints.transforms.sources.registry import FORMATS
from tools.formats_page import EXAMPLES


def test_every_format_has_an_example_and_no_other() -> None:
    """A new format needs one in tools/format_examples.toml."""
    assert set(EXAMPLES) == {form.name for form in FORMATS}


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_example_is_a_declaration_of_its_format(name: str) -> None:
    """Its keys exist, and its patterns hold the holes that it names."""
    read = tomllib.loads(EXAMPLES[name]["read"])["read"]
    assert Declaration.model_validate(read).format == name
    refuse_unused(read)
