"""``medmultipoints evaluate``: score a model's answers against the truth."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from medmultipoints.data_lake.evaluate.score import Matched, load_items
from medmultipoints.data_lake.evaluate.scoring_page import render_scoring_page, score_text
from medmultipoints.flows.cli.console import OUT, print_json, table, write_aside
from medmultipoints.flows.cli.options import HtmlOption, JsonOption
from medmultipoints.transforms.errors import DataError
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.scoring.charts import LOWER_IS_BETTER

# The columns of the tables by task, label, source and density, with short titles.
COLUMNS = {
    "items": "items",
    "unread_rate": "unread",
    "exact_count_accuracy": "exact",
    "relative_count_error": "error",
    "absent_accuracy": "absent",
    "label_accuracy": "label",
    "point_f1_50": "point F1",
    "box_f1_50": "box F1",
    "mAP_50": "mAP 50",
}

MEANT = {
    "unread": "share of answers that could not be read",
    "exact": "share of counts that are right",
    "error": "how far counts are off, relative, 0 is best",
    "absent": "share of absent objects named absent",
    "label": "share of right labels",
    "point F1": "points within half an object's size of one",
    "box F1": "boxes with IoU of 0.5 or more",
    "mAP 50": "average precision at IoU 0.5",
    "dice": "overlap of masks",
    "facts said": "share of known facts that descriptions say",
    "true sentences": "share of true sentences in descriptions",
    "false sentences": "share of false ones (the rest cannot be checked)",
}
"""What the numbers of the headline are, in a line under it."""
SHORT, FIRST_REASONS = 12, 3
"""Tasks and reasons that are printed without ``--all``."""


class MetricSet(StrEnum):
    """Which metrics to compute."""

    published = "published"
    strict = "strict"
    both = "both"


PredictionsOption = Annotated[
    Path, typer.Option(help="JSON Lines file with one `response` per line, as `swift infer` writes.")
]
DialectOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="Answers are in this dialect, of a model trained on its export.")
]
PartialOption = Annotated[
    bool, typer.Option("--partial", help="Score the questions that have a prediction; count the others.")
]


def evaluate(
    truth: Annotated[Path, typer.Option(help="Folder of a release, or a JSON Lines file with the true answers.")],
    predictions: PredictionsOption,
    metrics: Annotated[MetricSet, typer.Option(help="The paper's metrics, the strict ones, or both.")] = MetricSet.both,
    split: Annotated[str | None, typer.Option(help="This split of a release only; the default is all.")] = None,
    dialect: DialectOption = None,
    partial: PartialOption = False,
    html: HtmlOption = None,
    every: Annotated[bool, typer.Option("--all", help="Print all tables: metrics, slices, masks, claims.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Score a model's answers: with the metrics of the paper, with strict ones, and where the two disagree.

    Predictions are matched by `instruction_id` or `id`, by order where no line has one. A predictions
    file whose lines hold `labels` may be its own truth.

    Example: `medmultipoints evaluate --truth lake/releases/demo/1.0.0 --split test --predictions result.jsonl`
    """
    matched = load_items(truth, predictions, split, dialect, partial=partial)
    if not matched.items and not matched.descriptions and not matched.masks:
        raise DataError(f"{truth} has no question that can be scored.")
    report = _score(truth, matched, metrics, split)
    if partial:
        report["unanswered"] = matched.unanswered
    write_aside(html, lambda: render_scoring_page(matched.items, report))
    if as_json:
        print_json(report)
        return
    _print_short(matched, report)
    if every:
        _print_tables(report)
    else:
        OUT.print("All metrics, slices and intervals: --all here, --html FILE as a page, --json for machines.")


def _score(truth: Path, matched: Matched, metrics: MetricSet, split: str | None) -> dict[str, Any]:
    """Return the report: how answers were matched, the metrics, and scores of masks and descriptions."""
    from medmultipoints.data_lake.evaluate.descriptions import score_descriptions
    from medmultipoints.data_lake.evaluate.predicted_masks import score_masks
    from medmultipoints.transforms.claims.score import by_kind, by_sentence, total
    from medmultipoints.transforms.scoring.mask_overlap import total_overlap
    from medmultipoints.transforms.scoring.metric_sets import (
        scoring_report,  # imports scipy and the COCO evaluator
    )

    report: dict[str, Any] = {
        "matched_by": matched.matched_by,
        "not_scored": matched.not_scored,
        "left_out": matched.left_out,
    }
    report |= scoring_report(matched.items, metrics.value)
    if overlaps := score_masks(truth, matched.masks, split):
        report["masks"] = total_overlap(overlaps)
    if judged := score_descriptions(truth, matched.descriptions, split):
        report["claims"] = total(judged) | {"kinds": by_kind(judged), "sentences": by_sentence(judged)}
    return report


def _print_short(matched: Matched, report: dict[str, Any]) -> None:
    """Print the headline, what was scored, the scores by task, and the most frequent reasons of unread answers."""
    _print_headline(report)
    left = sum(matched.not_scored.values())
    kinds = ", ".join(f"{number:,} {task}" for task, number in matched.not_scored.items())
    both = sum(item.truth.item_id in matched.masks for item in matched.items)
    counts = (
        (len(matched.items), f"scored ({both:,} of them as masks, too)" if both else "scored"),
        (len(matched.masks) - both, "scored as masks"),
        (len(matched.descriptions), "judged sentence by sentence"),
        (left, f"of kinds that are not scored ({kinds})"),
    )
    parts = ", ".join(f"{number:,} {what}" for number, what in counts if number)
    OUT.print(f"{plural(sum(number for number, _ in counts), 'answer')} matched by {matched.matched_by}: {parts}")
    if masks := report.get("masks", {}).get("unread"):
        OUT.print(f"{plural(masks, 'mask')} of {len(matched.masks):,} could not be read; they count as overlap 0")
    _print_unscored(matched)
    strict = report.get("strict", {})
    if len(tasks := strict.get("slices", {}).get("task", {})) > 1:
        _print_slices("task", dict([*tasks.items()][:SHORT]))
    _print_failures(strict.get("failures", {}), FIRST_REASONS)


def _print_failures(failures: dict[str, int], most: int | None = None) -> None:
    rows = [[reason, f"{count:,}"] for reason, count in [*failures.items()][:most]]
    if rows:
        table("\nAnswers that could not be read", ["reason", "answers"], rows)


def _print_tables(report: dict[str, Any]) -> None:
    if "side_by_side" in report:
        _print_sides(report["side_by_side"])
    elif "published" in report:
        rows = [
            [task, name, score_text(value)] for task, row in report["published"].items() for name, value in row.items()
        ]
        table("\nPublished metrics", ["task", "metric", "value"], rows)
    parts: dict[str, Callable[[Any], None]] = {"strict": _print_strict, "masks": _print_masks, "claims": _print_claims}
    for name, show in (parts | {"disagreements": _print_disagreements}).items():
        if report.get(name):
            show(report[name])


def _print_unscored(matched: Matched) -> None:
    if matched.unanswered:
        verb = "has" if matched.unanswered == 1 else "have"
        OUT.print(f"{plural(matched.unanswered, 'question')} {verb} no prediction, not scored", highlight=False)
    if matched.left_out:
        left = plural(sum(matched.left_out.values()), "more question")
        OUT.print(f"{left} of the release, for which the dialect has no form", highlight=False)
        for reason, number in [*matched.left_out.items()][:FIRST_REASONS]:
            OUT.print(f"  {number:,}: {reason}", style="dim", highlight=False)


def _print_headline(report: dict[str, Any]) -> None:
    """Print the most important numbers in one row."""
    strict = report.get("strict", {}).get("overall", {})
    found = {title: strict[name]["value"] for name, title in COLUMNS.items() if name in strict}
    found |= {name: report["masks"][name] for name in ("dice", "iou") if "masks" in report}
    if "claims" in report:
        claims = report["claims"]
        found["facts said"] = claims["recall"]
        sentences = sum(claims[name] for name in ("true", "false", "uncheckable"))
        found |= {f"{name} sentences": claims[name] / sentences if sentences else None for name in ("true", "false")}
    known = {name: score_text(value) for name, value in found.items() if value is not None}
    if known:
        table("", [*known], [[*known.values()]])
        OUT.print("; ".join(f"{name}: {MEANT[name]}" for name in known if name in MEANT), style="dim", highlight=False)


def _print_masks(masks: dict[str, Any]) -> None:
    ends = masks["intervals"]
    names = {"dice": "Dice", "iou": "IoU", "iou_50": "share with IoU of 0.5 or more"}
    rows = [[title, score_text(masks[name]), _interval(ends[name])] for name, title in names.items()]
    table(f"\nMasks: {masks['masks']:,}, of which {masks['unread']:,} unread", ["metric", "mean", "interval"], rows)


def _print_claims(claims: dict[str, Any]) -> None:
    ends = claims["intervals"]
    rows = [[name, f"{claims[name]:,}", _interval(ends[name])] for name in ("true", "false", "uncheckable")]
    rows.append(["recall of the facts", score_text(claims["recall"]), _interval(ends["recall"])])
    kinds = [[kind, *(f"{number:,}" for number in counted.values())] for kind, counted in claims["kinds"].items()]
    title = f"\nSentences of {claims['texts']:,} descriptions, with 95 % intervals of their shares"
    table(title, ["verdict", "sentences", "interval"], rows)
    table("\nTheir claims, by kind", ["kind", "true", "false", "uncheckable"], kinds)


def _print_sides(sides: list[dict[str, Any]]) -> None:
    rows = []
    for side in sides:
        scores = [score_text(side[name]) for name in ("published", "strict")]
        rows.append([side["task"], side["published_name"], *scores, side["strict_name"]])
    table("\nPublished and strict, side by side", ["task", "published", "value", "value", "strict"], rows)


def _print_disagreements(found: list[dict[str, Any]]) -> None:
    rows = [
        [row["task"], row["reason"], f"{row['items']:,}", f"{row['objects']:,}", row["examples"][0]] for row in found
    ]
    table("\nWhere the two sets disagree", ["task", "reason", "items", "objects", "for example"], rows)
    for reason, why in {row["reason"]: row["why"] for row in found}.items():
        OUT.print(f"  {reason}: {why}", style="dim")


def _print_strict(strict: dict[str, Any]) -> None:
    overall, macro = strict["overall"], strict["macro"].get("label", {})
    rows = []
    for name, entry in overall.items():
        scores = [score_text(entry["value"]), _interval(entry["interval"]), score_text(macro.get(name))]
        rows.append([name + " ↓" * (name in LOWER_IS_BETTER), *scores])
    items, groups = plural(strict["items"], "item"), plural(strict["groups"], "group")
    table(
        f"\nStrict metrics over {items}, 95 % intervals over {groups}",
        ["metric", "value", "interval", "mean of labels"],
        rows,
    )
    if strict["sizes_unknown"]:
        unknown = f"{strict['sizes_unknown']:,} point questions without known boxes"
        OUT.print(f"  {unknown}: 20 px are taken as the size of their objects", style="dim")
    for kind in ("task", "label", "source", "density"):
        if len(strict["slices"][kind]) > 1:
            _print_slices(kind, strict["slices"][kind])
    _print_failures(strict["failures"])


def _print_slices(kind: str, slices: dict[str, dict[str, float]]) -> None:
    shown = {name: title for name, title in COLUMNS.items() if any(name in row for row in slices.values())}
    rows = [[name, *(score_text(row.get(column)) for column in shown)] for name, row in slices.items()]
    table(f"\nBy {kind}", [kind, *shown.values()], rows)


def _interval(ends: list[float | None]) -> str:
    return "" if None in ends else f"{score_text(ends[0])} to {score_text(ends[1])}"
