"""Characters that drive terminals or turn text are escapes on pages and in JSON; JSON stays what it says."""

import json
from pathlib import Path

import pytest

from medmultipoints.data_lake.report.data_docs import escape
from medmultipoints.data_lake.report.html import load_template
from medmultipoints.flows.cli.console import print_json

NAME = "a\u202egpj\u2066\x1b[2J\x9b31m\x7f<b>.png"


@pytest.fixture
def page(tmp_path: Path) -> str:
    template = tmp_path / "page.html.jinja"
    template.write_text("<p>{{ name }}</p><script type='application/json'>{{ held | safe }}</script>")
    return load_template(template).render(name=NAME, held=json.dumps({"name": NAME}, ensure_ascii=False))


def test_a_page_shows_them_as_escapes(page: str) -> None:
    assert not set(page) & {"\u202e", "\u2066", "\x1b", "\x9b", "\x7f"}
    assert "&lt;b&gt;.png" in page
    assert json.loads(page.partition("json'>")[2].removesuffix("</script>")) == {"name": NAME}


def test_expectation_pages_too() -> None:
    assert escape(NAME) == r"a\u202egpj\u2066\x1b[2J\x9b31m\x7f&lt;b&gt;.png"


def test_json_for_machines_holds_none_and_says_the_same(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    print_json({"name": NAME})
    text = capfdbinary.readouterr().out.decode()
    assert text.isprintable() or text.rstrip("\n").isprintable()
    assert json.loads(text) == {"name": NAME}
