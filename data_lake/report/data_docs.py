"""The expectation results as Great Expectations' own Data Docs, made to look right without a network.

Its pages load styles and scripts from several content networks. What is written here has one small stylesheet and no
script; the index, which would be empty without scripts, is a table of our own.
"""

import json
import re
import shutil
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any
from uuid import uuid4

from medmultipoints.expectations.suites import TABLE_RULES, load_suite
from medmultipoints.expectations.verdicts import Verdict

STYLES = Path(__file__).with_name("data_docs.css")
PAGES = "static/pages.css"
ONLINE = re.compile(r"<script\b.*?</script>|<style\b.*?</style>|<link\b[^>]*>|<img\b[^>]*>", re.DOTALL)
POLICY = (
    '<meta http-equiv="Content-Security-Policy" '
    "content=\"default-src 'none'; img-src data:; style-src 'self' file: 'unsafe-inline'\">"
)
SHOWN_ROWS = 20
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""Great Expectations wants a time in each name; ours would only make equal pages differ."""


def write_data_docs(folder: Path, title: str, verdicts: Mapping[str, Iterable[Verdict]]) -> Path:
    """The index of the site with one page per table, by the stage that wrote it; what was there is replaced."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    made = folder.with_name(f".{folder.name}-{uuid4().hex}")
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    rows = [(stage, verdict) for stage, found in verdicts.items() for verdict in found]
    pages = {(stage, verdict.table): _store(context, stage, verdict) for stage, verdict in rows if _has_page(verdict)}
    backend = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(made)}
    site = {"class_name": "SiteBuilder", "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"}}
    context.add_data_docs_site(site_name="offline", site_config=site | {"store_backend": backend})
    context.build_data_docs(site_names=["offline"])
    (made / "index.html").write_text(_index(title, rows, pages), "utf-8")
    _make_offline(made)
    shutil.rmtree(folder, ignore_errors=True)
    made.rename(folder)
    return folder / "index.html"


def _has_page(verdict: Verdict) -> bool:
    return verdict.suite != TABLE_RULES


def _store(context: Any, stage: str, verdict: Verdict) -> str:
    """Put the verdict into the context as a validation result; returns the path of its page."""
    import great_expectations as gx
    from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context.types import resource_identifiers as names

    suite = json.loads(json.dumps(load_suite(verdict.suite)))
    context.suites.add_or_update(gx.ExpectationSuite(**suite))
    results = [_result(verdict, expectation) for expectation in load_suite(verdict.suite)["expectations"]]
    good = sum(bool(result.success) for result in results)
    statistics = {
        "evaluated_expectations": len(results),
        "successful_expectations": good,
        "unsuccessful_expectations": len(results) - good,
        "success_percent": 100 * good / max(len(results), 1),
    }
    run = {"run_name": stage, "run_time": EPOCH.isoformat()}
    judged = ExpectationSuiteValidationResult(
        success=good == len(results),
        results=results,
        suite_name=verdict.suite,
        statistics=statistics,
        meta={"run_id": run, "batch_spec": {}, "active_batch_definition": {}, "rows": verdict.rows},
    )
    identifier = names.ExpectationSuiteIdentifier(verdict.suite)
    context.validation_results_store.set(
        names.ValidationResultIdentifier(identifier, RunIdentifier(stage, EPOCH), verdict.table), judged
    )
    return f"validations/{verdict.suite}/{stage}/{EPOCH:%Y%m%dT%H%M%S.%fZ}/{verdict.table}.html"


def _result(verdict: Verdict, expectation: Mapping[str, Any]) -> Any:
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    rule = expectation["meta"]["rule"]
    checked = next(found for found in verdict.checked if found.rule == rule)
    failing = [escape(failure.row) for failure in verdict.failures if failure.rule == rule][:SHOWN_ROWS]
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
            "partial_unexpected_list": failing,
            "missing_count": 0,
            "missing_percent": 0.0,
        },
    )


def _index(title: str, rows: Iterable[tuple[str, Verdict]], pages: Mapping[tuple[str, str], str]) -> str:
    lines = [_line(stage, verdict, pages.get((stage, verdict.table))) for stage, verdict in rows]
    return (
        "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'>"
        f"<title>{escape(title)}: expectation results</title></head><body><div class='container-fluid'>"
        f"<h1>{escape(title)}: expectation results</h1><table><tr><th>stage</th><th>table</th><th>suite</th>"
        f"<th>rows</th><th>rules</th><th>rows held back, by rule</th></tr>{''.join(lines)}</table></div></body></html>"
    )


def _line(stage: str, verdict: Verdict, page: str | None) -> str:
    failed = ", ".join(f"{rule.rule} {rule.failed:,}" for rule in verdict.checked if rule.failed)
    table = f"<a href='{escape(page)}'>{escape(verdict.table)}</a>" if page else escape(verdict.table)
    cells = (f"<td>{escape(stage)}</td><td>{table}</td><td>{escape(verdict.suite)}</td>"
             f"<td class='number'>{verdict.rows:,}</td><td class='number'>{len(verdict.checked)}</td>")  # fmt: skip
    return f"<tr>{cells}<td class='{'failed' if failed else ''}'>{escape(failed) or 'none'}</td></tr>"


def _make_offline(site: Path) -> None:
    """Take out what would be fetched from elsewhere; the folder holds everything that its pages need."""
    shutil.rmtree(site / "static", ignore_errors=True)
    (site / PAGES).parent.mkdir()
    shutil.copyfile(STYLES, site / PAGES)
    for page in site.rglob("*.html"):
        up = "../" * (len(page.relative_to(site).parts) - 1)
        text = ONLINE.sub("", page.read_text("utf-8"))
        head = f'{POLICY}<link rel="stylesheet" href="{up}{PAGES}"></head>'
        page.write_text(text.replace("</head>", head, 1), "utf-8")
