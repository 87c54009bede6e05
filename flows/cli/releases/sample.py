"""``medmultipoints sample``: rows of a release, to be read with one's own eyes."""

from typing import Annotated

import typer
from rich.markup import escape

from medmultipoints.data_lake.release.read.sample import (
    Sample,
    SampledRow,
    bare_prompt,
    describe,
    render_page,
    sample_release,
)
from medmultipoints.flows.cli.console import OUT, print_json, write_aside
from medmultipoints.flows.cli.options import HtmlOption, JsonOption, SplitOption
from medmultipoints.flows.cli.releases.release import ReleaseArgument
from medmultipoints.transforms.reporting.counted import plural


def sample(
    release: ReleaseArgument,
    n: Annotated[int, typer.Option("--n", "-n", min=1, help="Number of rows.")] = 20,
    task: Annotated[str | None, typer.Option(help="This task only; the default is all.")] = None,
    split: SplitOption = None,
    seed: Annotated[int, typer.Option(help="Another seed draws other rows.")] = 0,
    html: HtmlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show questions and answers of a release; as a page, with what each answer says drawn over its picture.

    Example: `medmultipoints sample lake/releases/demo/1.0.0 --n 20 --task bounding --html sample.html`
    """
    drawn = sample_release(release, n, task=task, split=split, seed=seed)
    write_aside(html, lambda: render_page(drawn))
    if as_json:
        print_json({"release": drawn.release, "of": drawn.of, "rows": [_plain(row) for row in drawn.rows]})
        return
    _print(drawn)


def _plain(row: SampledRow) -> dict[str, object]:
    names = ("instruction_id", "task", "label", "split", "prompt", "answer", "image_file", "width", "height")
    return {name: getattr(row, name) for name in names}


def _print(drawn: Sample) -> None:
    OUT.print(f"[bold]{len(drawn.rows):,} of {plural(drawn.of, 'row')} of {drawn.release}[/]")
    for row in drawn.rows:
        OUT.print(f"\n[bold]{row.task}[/]  {row.split}  {escape(describe(row))}")
        OUT.print(f"[dim]{escape(row.instruction_id)}[/]", soft_wrap=True)
        OUT.print(bare_prompt(row), markup=False)
        OUT.print(row.answer, markup=False)
