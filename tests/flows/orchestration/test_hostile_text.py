"""Texts of sources are text in the artifacts that Prefect's pages render as Markdown and tables."""

import polars as pl
import pytest

from medmultipoints.data_lake.fetch.upstream import Answer
from medmultipoints.flows.orchestration.flow_runs import Progress, failure_markdown
from medmultipoints.flows.orchestration.refresh import upstream_markdown
from medmultipoints.flows.orchestration.review import review_table
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.reporting.hidden import escape_rows

HOSTILE = {
    "<script>alert(1)</script>": "&lt;script>alert(1)&lt;/script>",
    "<img src=x onerror=alert(1)>": "&lt;img src=x onerror=alert(1)>",
    "[open](javascript:alert(1))": "\\[open](javascript:alert(1))",
    "![seen](http://host/a.png)": "!\\[seen](http://host/a.png)",
    "a | b": "a \\| b",
    "exe\u202egnp\u2066": "exe\\u202egnp\\u2066",
    "\x1b[2J": "\\x1b[2J",
}


@pytest.mark.parametrize(("text", "shown"), HOSTILE.items())
def test_every_table_of_an_artifact_shows_text(text: str, shown: str) -> None:
    finding = {"severity": "error", "kind": "extra", "sample_id": text, "label": text, "detail": text}
    answer = Answer(source="s", file=text, verdict="changed", detail=text)
    made = [
        review_table(pl.DataFrame([finding])),
        failure_markdown(DataError(f"{text}: damaged.\n{text}"), Progress()),
        failure_markdown(ValueError(text), Progress()),
        upstream_markdown([answer]),
    ]
    for markdown in made:
        assert shown in markdown
        assert text not in markdown.replace(shown, "")


def test_a_table_artifact_holds_no_hidden_character() -> None:
    """Prefect shows its cells as plain text, where direction marks still turn what follows."""
    rows = escape_rows([{"key": "a\u202eb\nc", "ok": True, "bytes": 3}])
    assert [{"key": "a\\u202eb\\nc", "ok": True, "bytes": 3}] == rows
