"""Render an evaluation as one self-contained HTML page of charts and tables."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from medmultipoints.data_lake.report.html import load_template
from medmultipoints.transforms.scoring.answers.items import Item
from medmultipoints.transforms.scoring.charts import count_dots, metric_bars

MOST_SENTENCES: Final = 300
"""Sentences of descriptions that a page lists, of those that are not true."""
TEMPLATE: Final = Path(__file__).with_name("scoring.html.jinja")


def render_scoring_page(items: Sequence[Item], report: dict[str, Any]) -> str:
    """Return the HTML page of a report on these items, without empty sections."""
    strict = report.get("strict")
    charts = {"bars": metric_bars(strict), "counts": count_dots(items)} if strict else {"bars": [], "counts": None}
    return load_template(TEMPLATE, filters={"score_text": score_text}).render(
        report=report, strict=strict, most_sentences=MOST_SENTENCES, **charts
    )


def score_text(value: float | None) -> str:
    """Return a metric or count as text; empty if it is undefined."""
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3f}"
