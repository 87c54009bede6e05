"""Render the expectation results as pages of Great Expectations' Data Docs that work offline.

Results, renderer and view are Great Expectations' own; the page frame (``data_docs.html.jinja``) and the index are
ours, with one small stylesheet and without scripts.
"""

import shutil
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from html import escape as escape_markup
from pathlib import Path
from typing import Any

from medmultipoints.data_lake.store.temporary import replaced_folder
from medmultipoints.expectations.rows.suites import TABLE_RULES, load_suite
from medmultipoints.expectations.verdicts import RuleResult, Verdict
from medmultipoints.transforms.reporting.hidden import HIDDEN

FOLDER = Path(__file__).parent
FRAME, STYLES = "data_docs.html.jinja", "data_docs.css"
POLICY = "default-src 'none'; img-src data:; style-src 'self' file: 'unsafe-inline'"
SHOWN_ROWS = 20
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""Great Expectations wants a time in each result; a real one would only make equal pages differ."""


def escape(text: str) -> str:
    """Return a text without markup, and with escapes for hidden characters."""
    return escape_markup(text.translate(HIDDEN))


def write_data_docs(folder: Path, title: str, verdicts: Mapping[str, Iterable[Verdict]]) -> Path:
    """Write the index and one page per table, by the stage that wrote it; return the index. Replaces the folder."""
    from great_expectations.render.view import DefaultJinjaPageView

    rows = [(stage, verdict) for stage, found in verdicts.items() for verdict in found]
    view = DefaultJinjaPageView(custom_views_directory=str(FOLDER))  # one for all pages: it compiles its templates once
    with replaced_folder(folder) as made:
        for stage, verdict in rows:
            if _has_page(verdict):
                path = made / _page_path(stage, verdict)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(_page(view, stage, verdict), "utf-8")
        shutil.copyfile(FOLDER / STYLES, made / STYLES)
        (made / "index.html").write_text(_index(title, rows), "utf-8")
    return folder / "index.html"


def _has_page(verdict: Verdict) -> bool:
    return verdict.suite != TABLE_RULES


def _page_path(stage: str, verdict: Verdict) -> str:
    return f"validations/{stage}/{verdict.table}.html"


def _page(view: Any, stage: str, verdict: Verdict) -> str:
    from great_expectations.render.renderer import ValidationResultsPageRenderer

    document = ValidationResultsPageRenderer().render(_suite_result(stage, verdict))
    page: str = view.render(document, template=FRAME, policy=POLICY, up="../../", styles=STYLES)
    return page


def _suite_result(stage: str, verdict: Verdict) -> Any:
    """Return the verdict as Great Expectations' suite result."""
    from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult

    checked = {rule.rule: rule for rule in verdict.checked}
    results = [
        _rule_result(verdict, checked[expectation["meta"]["rule"]], expectation)
        for expectation in load_suite(verdict.suite)["expectations"]
    ]
    good = sum(bool(result.success) for result in results)
    return ExpectationSuiteValidationResult(
        success=good == len(results),
        results=results,
        suite_name=verdict.suite,
        statistics={
            "evaluated_expectations": len(results),
            "successful_expectations": good,
            "unsuccessful_expectations": len(results) - good,
            "success_percent": 100 * good / max(len(results), 1),
        },
        meta={
            "run_id": {"run_name": stage, "run_time": EPOCH.isoformat()},
            "batch_spec": {},
            "active_batch_definition": {},
            "rows": verdict.rows,
        },
    )


def _rule_result(verdict: Verdict, checked: RuleResult, expectation: Mapping[str, Any]) -> Any:
    """Return one rule as Great Expectations' validation result, escaped, because its view prints values as they are."""
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    failing = [escape(failure.row) for failure in verdict.failures if failure.rule == checked.rule]
    return ExpectationValidationResult(
        success=not checked.failed,
        expectation_config=ExpectationConfiguration(
            type=expectation["type"], kwargs=dict(expectation["kwargs"]), meta={"notes": expectation["meta"]["meaning"]}
        ),
        exception_info={"raised_exception": False, "exception_message": None, "exception_traceback": None},
        result={
            "element_count": checked.rows,
            "unexpected_count": checked.failed,
            "unexpected_percent": 100 * checked.failed / max(checked.rows, 1),
            "partial_unexpected_list": failing[:SHOWN_ROWS],
            "missing_count": 0,
            "missing_percent": 0.0,
        },
    )


def _index(title: str, rows: Iterable[tuple[str, Verdict]]) -> str:
    lines = [_line(stage, verdict) for stage, verdict in rows]
    return (
        "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'>"
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><link rel="stylesheet" href="{STYLES}">'
        f"<title>{escape(title)}: expectation results</title></head><body><div class='container-fluid'>"
        f"<h1>{escape(title)}: expectation results</h1><table><tr><th>stage</th><th>table</th><th>suite</th>"
        f"<th>rows</th><th>rules</th><th>rows held back, by rule</th></tr>{''.join(lines)}</table></div></body></html>"
    )


def _line(stage: str, verdict: Verdict) -> str:
    failed = ", ".join(f"{rule.rule} {rule.failed:,}" for rule in verdict.checked if rule.failed)
    name = escape(verdict.table)
    table = f"<a href='{escape(_page_path(stage, verdict))}'>{name}</a>" if _has_page(verdict) else name
    cells = (f"<td>{escape(stage)}</td><td>{table}</td><td>{escape(verdict.suite)}</td>"
             f"<td class='number'>{verdict.rows:,}</td><td class='number'>{len(verdict.checked)}</td>")  # fmt: skip
    return f"<tr>{cells}<td class='{'failed' if failed else ''}'>{escape(failed) or 'none'}</td></tr>"
