"""An evaluation as one HTML page that needs nothing else: charts and tables."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import jinja2

from medmultipoints.transforms.scoring.charts import count_dots, metric_bars
from medmultipoints.transforms.scoring.items import Item

TEMPLATE: Final = Path(__file__).with_name("scoring.html.jinja")


def render_scoring_page(items: Sequence[Item], report: dict[str, Any]) -> str:
    """The page of a report on these items; what the report does not hold is not shown."""
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["figure"] = _figure
    strict = report.get("strict")
    charts = {"bars": metric_bars(strict), "counts": count_dots(items)} if strict else {"bars": [], "counts": None}
    return environment.from_string(TEMPLATE.read_text("utf-8")).render(report=report, strict=strict, **charts)


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3f}"
