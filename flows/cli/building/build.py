"""``medmultipoints build``: from a recipe to a release."""

import os
import time
import webbrowser
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import orjson
import polars as pl
import typer

from medmultipoints.data_lake.release.read.previous import read_previous
from medmultipoints.data_lake.release.write.changes import CHANGES
from medmultipoints.data_lake.store.layout import PAGE, only_builder
from medmultipoints.data_lake.store.objects import object_path
from medmultipoints.data_lake.witnesses.predictions_file import read_models
from medmultipoints.flows.cli.console import OUT, print_json, say, stage_progress, table, transfer_progress
from medmultipoints.flows.cli.options import DEFAULT_LAKE, JsonOption, LakeOption
from medmultipoints.flows.cli.request_options import (
    AddressOption,
    OnlyOption,
    RunnerOption,
    SourceOption,
    WorkersOption,
    field_option,
)
from medmultipoints.flows.engine.execute import Outcome, execute
from medmultipoints.flows.engine.planning.intention import shown
from medmultipoints.flows.engine.planning.place import version_before
from medmultipoints.flows.engine.planning.plan import plan_build
from medmultipoints.flows.engine.prepare import prepare_attempt
from medmultipoints.flows.engine.report import exclusions_of, reasons_of
from medmultipoints.flows.engine.request import BuildRequest, ask, parse_names, parse_sources
from medmultipoints.flows.engine.running.recording import recorded_attempt
from medmultipoints.flows.engine.running.run import run_in_threads
from medmultipoints.flows.engine.stage import Build
from medmultipoints.flows.stages.composing.witness import SECTION
from medmultipoints.flows.stages.pipeline import PIPELINE, refuse_early
from medmultipoints.flows.stages.reading.index import broken_sources
from medmultipoints.flows.stages.reading.source_coverage import nothing_usable
from medmultipoints.transforms.audit.findings import note_elsewhere, to_decide
from medmultipoints.transforms.compose.label_terms import note_terms
from medmultipoints.transforms.compose.stats import (
    UNCERTAIN,
    count_labels,
    count_personal,
    note_groups,
    note_left_out_labels,
    note_splits,
    note_tasks,
    note_unverified,
)
from medmultipoints.transforms.descriptions.description_rows import describe_texts
from medmultipoints.transforms.diff.releases import next_version, version_numbers
from medmultipoints.transforms.duplicates.across_sources import note_copies
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.splits.official import note_official, note_shared
from medmultipoints.transforms.splits.split_changes import note_moved
from medmultipoints.transforms.witnesses.summary import note_unknown_labels

MOST_LABELS, MOST_REASONS, SHOWN_REASONS, MOST_NOTES = 10, 2, 5, 4


class CheckVersion(StrEnum):
    """When an existing version is compared."""

    early = "early"
    late = "late"


def build(
    recipe: Annotated[str, typer.Argument(help="A shipped recipe (see `medmultipoints recipes`) or a TOML file.")],
    lake: LakeOption = DEFAULT_LAKE,
    source: SourceOption = None,
    only: OnlyOption = "",
    workers: WorkersOption = None,
    version: Annotated[str | None, field_option(BuildRequest, "version", metavar="X.Y.Z|auto")] = None,
    check_version: Annotated[CheckVersion, field_option(BuildRequest, "check_version")] = CheckVersion.early,
    runner: RunnerOption = "threads",
    address: AddressOption = None,
    timings: Annotated[bool, typer.Option("--timings", help="Show how long each part of a stage took.")] = False,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page of the release in the browser.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Build the release of a recipe; what is finished and unchanged is kept.

    Exit codes: 0 the release exists (rows may be in quarantine), 1 no release because of the data, 2 usage
    or recipe, 3 environment (disk, network, lock held), 130 interrupted.

    Examples: `medmultipoints build audited --source hyperkvasir=~/data/hyper-kvasir --only hyperkvasir`,
    `medmultipoints build my-recipe.toml --version auto --json`
    """
    request = ask(
        BuildRequest,
        recipe=recipe,
        lake=str(lake),
        sources=parse_sources(source or []),
        only=parse_names(only),
        workers=workers,
        version=version,
        check_version=check_version.value,
        runner=runner,
        address=address,
    )
    outcome = timed(request)
    if as_json:
        print_json(outcome.to_json())
    else:
        show_outcome(outcome, timings=timings, open_page=open_page)


def run(request: BuildRequest) -> Outcome:
    """Run a build; start Prefect only if there is something to do."""
    with transfer_progress() as transfer:
        prepared = prepare_attempt(request, PIPELINE, transfer, say)
    with stage_progress() as progress, recorded_attempt(request):
        plan = plan_build(prepared, PIPELINE)
        if plan.is_finished:
            return execute(prepared, PIPELINE, run_in_threads(1), progress, plan)
        refuse_early(prepared)
        with only_builder(prepared.lake, prepared.recipe.name):
            pass  # report a held lock before Prefect starts
        say("starting Prefect" if os.environ.get("PREFECT_API_URL") else "starting an embedded Prefect server")
        from medmultipoints.flows.orchestration.local import run_flow

        return run_flow(request, prepared, progress)


def timed(request: BuildRequest) -> Outcome:
    """Run a build and return its outcome with the total waiting time, including the start of Prefect."""
    start = time.perf_counter()
    outcome = run(request)
    return replace(outcome, seconds=time.perf_counter() - start)


def show_outcome(outcome: Outcome, *, timings: bool, open_page: bool) -> None:
    """Print the outcome, with times if asked, and open the page of the release in the browser if asked."""
    print_outcome(outcome)
    if timings:
        print_timings(outcome)
    if open_page and (page := page_of(outcome)).is_file():
        webbrowser.open(page.as_uri())


def print_outcome(outcome: Outcome) -> None:
    """Print about 20 lines: content of the release, omissions with reasons, notes, decisions and paths."""
    if unchanged(outcome):
        return
    OUT.print(f"[bold]{outcome.sentence()}[/] in {outcome.seconds:.1f} s")
    table("", *label_table(outcome.table("records")))
    gone = [f"left out    {line}" for line in broken_of(outcome)]
    notes = shortened([f"note        {line}" for line in notes_of(outcome)], MOST_NOTES)
    for line in (*shortened(left_out(outcome), MOST_REASONS), *models_of(outcome), *gone, *notes, *review_of(outcome)):
        OUT.print(line, markup=False)
    print_places(outcome, root=True)


def left_out(outcome: Outcome) -> list[str]:
    """Return why inputs yielded nothing: one line per verdict, the most frequent reasons first.

    Questions that a trainer's format cannot express are not counted as losses of the release.
    """
    found: dict[str, dict[str, int]] = {}
    for stage, verdict, reason, count in reasons_of(outcome):
        if stage == "translate":
            continue
        reasons = found.setdefault(verdict, {})
        reasons[reason] = reasons.get(reason, 0) + count
    return [
        _with_counts(f"{verdict:<11} ", "", reasons, _all_reasons(outcome, verdict, len(reasons)))
        for verdict, reasons in sorted(found.items())
    ]


def models_of(outcome: Outcome) -> list[str]:
    """Return what became of predictions and of written text, if the recipe pins any."""
    lines = []
    if SECTION in outcome.build.pinned:
        predictions, proposals, refused = map(outcome.table, ("predictions", "proposals", "refused_proposals"))
        pictures = plural(predictions["image_sha256"].n_unique(), "picture")
        models = plural(predictions["model_sha256"].n_unique(), "model")
        decided = dict(proposals["status"].value_counts().sort("status").iter_rows())
        made = _with_counts(plural(proposals.height, "proposal"), " (", decided, ")")
        lost = dict(refused["reason"].value_counts().iter_rows())
        lines.append(_with_counts(f"predicted   {pictures} by {models}; {made}", "; refused: ", lost))
    if written := describe_texts(outcome.table("descriptions"), outcome.table("refused_sentences")):
        kept = f"{written['kept']:,} of {plural(written['sentences'], 'sentence')} kept"
        lost = {row["reason"]: row["number"] for row in written["refused"]}
        lines.append(_with_counts(f"written     {kept}", "; not kept: ", lost))
    return lines


def _with_counts(text: str, before: str, counts: Mapping[str, int], after: str = "") -> str:
    """Return the text with the most frequent counts; the text alone if there are none."""
    said = ", ".join(f"{count:,} {name}" for name, count in most_first(counts))
    return f"{text}{before}{said}{after}" if said else text


def _all_reasons(outcome: Outcome, verdict: str, reasons: int) -> str:
    """Return where all reasons are listed, if not all are shown."""
    option = " --dropped" if verdict == "dropped" else ""
    text = f": medmultipoints quarantine list --recipe {outcome.build.recipe.name}{option}"
    return text if reasons > SHOWN_REASONS + 1 else ""


def most_first(reasons: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return the most frequent reasons, and one entry for all others together."""
    ranked = sorted(reasons.items(), key=lambda one: (-one[1], one[0]))
    if len(ranked) <= SHOWN_REASONS + 1:
        return ranked
    others = ranked[SHOWN_REASONS:]
    return [*ranked[:SHOWN_REASONS], (f"for {len(others)} other reasons", sum(count for _, count in others))]


def broken_of(outcome: Outcome) -> list[str]:
    """Return each source without a released image, with the reason of the last stage that lost some, and the remedy."""
    released = set(outcome.table("released_images", "source")["source"])
    excluded = exclusions_of(outcome)
    found = broken_sources(excluded)
    for name in {source.name for source in outcome.build.sources} - released - found.keys():
        own = excluded.filter(pl.col("source") == name).sort("key")
        last = [result.name for result in outcome.stages if result.name in set(own["stage"])][-1:]
        own = own.filter(pl.col("stage").is_in(last))
        found[name] = nothing_usable(name, own.select("verdict", "reason", "key", "detail").rows()).args[0]
    return [f"{name}: {why.removeprefix(f'{name}: ')}" for name, why in sorted(found.items())]


def notes_of(outcome: Outcome) -> list[str]:
    """Return what is unusual about the release: copies, no groups, empty or unofficial splits, equal answers."""
    asked, splits = outcome.build.recipe.instructions, outcome.build.recipe.splits
    images = outcome.table("released_images")
    dropped = exclusions_of(outcome, "dropped")
    declared = [source.name for source in outcome.build.sources if source.info.is_declared]
    notes = low_version(outcome) + moved_of(outcome)
    notes += note_unverified(dropped, outcome.table("images"), declared)
    notes += note_copies(*(outcome.table(name) for name in ("duplicates", "images", "regions")))
    labels = outcome.build.recipe.labels
    if labels.others == "drop":
        notes += note_left_out_labels(outcome.table("regions").lazy(), labels.names)
    notes += note_groups(images)
    notes += note_official(images, honoured=splits.honour_official)
    stated = outcome.table("samples", "sample_id", "source", "official_split")
    notes += note_shared(outcome.table("duplicates", "sample_id", "kept_id"), stated)
    notes += note_splits(images, splits.fractions)
    released = set(outcome.table("records")["label"])
    notes += note_terms(outcome.build.recipe.terms, released)
    released |= {*labels.names.values()}
    notes += note_unknown_labels(labels_of_witnesses(outcome.build), released)
    uncertain = dropped.filter(reason=UNCERTAIN).height
    tasks = note_tasks(outcome.table("instructions"), asked.tasks, degenerate=asked.degenerate, uncertain=uncertain)
    return [*notes, *tasks]


def labels_of_witnesses(build: Build) -> dict[str, list[str]]:
    """Return the labels of each model whose predictions the recipe pins, by its name."""
    if SECTION not in build.pinned:
        return {}
    models = read_models(object_path(build.lake, build.pinned[SECTION].sha256))
    return {one["name"]: one["output"]["labels"] for one in models}


def low_version(outcome: Outcome) -> list[str]:
    """Return a note if the difference from the previous release that the recipe names asks for a higher version."""
    earlier, version = outcome.build.earlier, outcome.release.version
    if earlier is None:
        return []
    level = orjson.loads((outcome.release.path / CHANGES).read_bytes())["level"]
    asked = next_version(earlier.name.rpartition(" ")[2], level)
    if version_numbers(version) >= version_numbers(asked):
        return []
    return [f"the difference from {earlier.name} is {level} and asks for version {asked}; publish refuses {version}"]


def moved_of(outcome: Outcome) -> list[str]:
    """Return a note if images left the split that the version before has them in, and the recipe does not keep it."""
    recipe, placed = outcome.build.recipe, outcome.release
    before = version_before(outcome.build.lake, recipe.name, placed.version)
    if recipe.splits.previous is not None or before is None:
        return []
    root, images = read_previous(str(before), outcome.build.lake.releases)
    name, _, digest = root.partition("@")
    return note_moved(outcome.table("released_images"), images, f"{name} {before.name}", f"{name}@{digest[:16]}")


def review_of(outcome: Outcome) -> list[str]:
    """Return what needs a person: undecided findings, applied decisions, personal information in pictures."""
    findings, decided = outcome.table("disagreements"), outcome.table("corrections").height
    withdrawn = len(outcome.build.recipe.corrections.withdrawn)
    images = outcome.table("released_images")
    open_ones, others = to_decide(findings, images), note_elsewhere(findings, images)
    counts = [(name, open_ones.filter(severity=name).height) for name in ("error", "warning")]
    words = ", ".join(plural(count, name) for name, count in counts if count)
    parts = [f"{plural(decided, 'decision')} of reviewers applied"] if decided else []
    parts += [f"{plural(withdrawn, 'withdrawal')} in force"] if withdrawn else []
    lines = [f"decisions   {', '.join(parts)}"] if parts else []
    if words or others:
        lines.append(f"to decide   {words or 'nothing'}{others}: medmultipoints audit {shown(outcome.release.path)}")
    if personal := count_personal(findings, images["sample_id"]):
        kinds = ", ".join(f"{kind.replace('_', ' ')} {count:,}" for kind, count in personal.items())
        lines.append(f"privacy     pictures: {kinds}")
    return lines


def shortened(lines: Sequence[str], most: int) -> list[str]:
    """Return at most ``most`` lines, and a line with the number of the rest."""
    return [*lines] if len(lines) <= most else [*lines[: most - 1], f"and {len(lines) - most + 1} more, see the page"]


def print_timings(outcome: Outcome) -> None:
    """Print the seconds of each stage that ran; times of parallel shards are added up."""
    columns = ("work", "validation", "storing", "waiting")
    rows = [
        [result.name, f"{result.seconds:.2f}", *(f"{getattr(result.times, name):.2f}" for name in columns)]
        for result in outcome.stages
        if not result.kept
    ]
    OUT.print()
    table("Seconds", ["stage", "in all", *columns], rows)


def unchanged(outcome: Outcome) -> bool:
    """Return whether everything was already finished; if so, print that and the release's path."""
    kept = outcome.release.kept and all(result.kept for result in outcome.stages)
    if kept:
        name = f"{outcome.build.recipe.name} {outcome.release.version}"
        OUT.print(f"[bold]nothing changed:[/] {name} is up to date (checked in {outcome.seconds:.1f} s)")
        page = page_of(outcome)
        OUT.print(f"page        {shown(page)}" if page.is_file() else f"release     {shown(outcome.release.path)}")
    return kept


def page_of(outcome: Outcome) -> Path:
    """Return the path of the release's page."""
    return outcome.build.lake.reports / outcome.build.recipe.name / outcome.release.version / PAGE


def print_places(outcome: Outcome, *, root: bool = False) -> None:
    """Print the release's path, its root if asked, and last the path of its page, if there is one."""
    release = outcome.release
    kept = "  (kept, unchanged)" if release.kept and root else ""
    OUT.print(f"release     {shown(release.path)}{kept}", markup=False)
    if root:
        OUT.print(f"quarantine  {shown(release.path / 'quarantine')}", markup=False)
        OUT.print(f"root        {release.manifest_root}")
    if (page := page_of(outcome)).is_file():
        OUT.print(f"page        {shown(page)}", markup=False)


def label_table(records: pl.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Return records, images and objects by label; of many, the labels with most objects and one row for the others."""
    counts = pl.col("records", "images", "objects").sum()
    first = count_labels(records).group_by("label").agg(counts).sort("label")
    if first.height > MOST_LABELS:
        ranked = first.sort("objects", "label", descending=[True, False])
        others = ranked.slice(MOST_LABELS - 1)
        rest = others.select(pl.lit(f"{others.height} other labels").alias("label"), counts)
        first = pl.concat([ranked.head(MOST_LABELS - 1), rest])
    rows = [[f"{value:,}" if isinstance(value, int) else str(value) for value in row] for row in first.rows()]
    return first.columns, rows
