"""``medmultipoints diff``: what changed from one release to another."""

from typing import Annotated

import typer

from medmultipoints.data_lake.release.checks.verify import check_sizes
from medmultipoints.data_lake.release.read.compare import diff_folders
from medmultipoints.data_lake.release.write.changes import markdown, plain
from medmultipoints.data_lake.release.write.manifest import read_manifest
from medmultipoints.data_lake.report.page import diff_page
from medmultipoints.flows.cli.console import OUT, print_json, write_aside
from medmultipoints.flows.cli.options import HtmlOption, JsonOption
from medmultipoints.flows.cli.releases.release import PublishedArgument, opened_release
from medmultipoints.transforms.diff.releases import EXAMPLES, ReleaseDiff, describe, next_version


def diff(
    old: PublishedArgument,
    new: PublishedArgument,
    examples: Annotated[int, typer.Option(min=0, help="Examples of each change to show.")] = EXAMPLES,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="A Markdown table on standard output.")] = False,
    html: HtmlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what changed from one release to another: images, objects, boxes and how far they moved, labels, splits.

    An image is identified by the bytes of its source file and an object by its place, so a renamed file is neither
    lost nor gained. The page draws old and new boxes over the pictures.

    Examples: `medmultipoints diff lake/releases/demo/1.0.0 lake/releases/demo/1.1.0 --html diff.html`,
    `medmultipoints diff hub:acme/medmultipoints@v1.0.0 lake/releases/demo/1.1.0`
    """
    with opened_release(old) as before, opened_release(new) as after:
        manifests = read_manifest(before), read_manifest(after)
        titles = manifests[0].title, manifests[1].title
        for folder, manifest in zip((before, after), manifests, strict=True):
            check_sizes(folder, manifest)
        found = diff_folders(before, after, examples)
        write_aside(html, lambda: diff_page(before, after, titles, found))
    proposed = next_version(manifests[0].version, found.level) if manifests[0].name == manifests[1].name else None
    if as_json:
        print_json({"old": titles[0], "new": titles[1], "proposed_version": proposed, **plain(found)})
    elif not found.changes:
        same = f"have the root {manifests[0].manifest_root} by their manifests"
        OUT.print(f"no difference: {titles[0]} and {titles[1]} {same}")
    elif as_markdown:
        OUT.print(markdown(titles, found), markup=False, end="")
    else:
        print_diff(titles, found, proposed)


def print_diff(titles: tuple[str, str], found: ReleaseDiff, proposed: str | None) -> None:
    """Print the difference, one line a change."""
    OUT.print(f"[bold]From {titles[0]} to {titles[1]}[/]")
    OUT.print(describe(found), markup=False)
    if proposed:
        OUT.print(f"version that the difference asks for: {proposed}")
    OUT.print("All examples: --html FILE, --markdown or --json.")
