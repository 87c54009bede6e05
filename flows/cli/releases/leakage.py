"""``medmultipoints leakage``, and the output of leakage certificates."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from medmultipoints.data_lake.release.read.stated_splits import check_folds, check_items
from medmultipoints.flows.cli.console import OUT, print_json, table
from medmultipoints.flows.cli.options import JsonOption
from medmultipoints.transforms.duplicates.near import RULE
from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.splits.leakage import Certificate


def leakage(
    release: Annotated[Path, typer.Argument(help="Folder of a release that holds the pictures.")],
    folds: Annotated[
        Path | None, typer.Option(help="HyperKvasir's official folds: a CSV file of file-name;class-name;split-index.")
    ] = None,
    items: Annotated[
        list[str] | None,
        typer.Option(metavar="SPLIT=FILE", help="JSONL file of a split's instructions; repeatable."),
    ] = None,
    rest: Annotated[
        str | None, typer.Option(help="Split that holds every instruction of the release that no file lists.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Find leaks between splits that others published, on the pictures of a release.

    For the splits of a release itself there is `medmultipoints verify RELEASE --leakage`.

    Example: `medmultipoints leakage lake/releases/published/1.0.0 --items test=published_items.jsonl --rest train`
    """
    if (folds is None) == (not items):
        raise UsageError("leakage: give either --folds FILE or --items SPLIT=FILE.")
    found = check_folds(release, folds) if folds else check_items(release, parse_items(items or []), rest)
    if as_json:
        print_json(asdict(found))
        return
    listed = plural(found.listed, "entry", "entries")
    OUT.print(f"{listed} listed; {plural(found.matched, 'image')} of the release among them")
    print_certificate(found.certificate)


def _print_joins(joined: Mapping[str, Any]) -> None:
    """Print pairs of one examination, frame or day, and the text that could not be read."""
    for kind, count in joined["pairs"].items():
        if count:
            across = joined["across_splits"][kind]
            OUT.print(f"Pairs of the {kind.replace('_', ' ')}: {count}, {across} of them in different splits")
    texts = ", ".join(f"{kind} {count}" for kind, count in joined["text"].items() if count)
    alike = plural(joined["on_looks_alone"], "picture")
    OUT.print(f"Text in pictures: {texts or 'no picture was read'}; by looks alone: {alike}")


def parse_items(texts: list[str]) -> dict[str, Path]:
    """Return the paths of SPLIT=FILE pairs by split."""
    pairs = [text.partition("=") for text in texts]
    wrong = [text for text, (split, _, path) in zip(texts, pairs, strict=True) if not (split and path)]
    if wrong:
        raise UsageError(f"--items {wrong[0]}: write it as SPLIT=FILE, for example test=items.jsonl.")
    return {split: Path(path).expanduser() for split, _, path in pairs}


def print_certificate(certificate: Certificate) -> None:
    """Print the certificate: splits, nearest pairs across splits, histogram, and what was not checked."""
    leaks, near, search = (certificate[name] for name in ("leaks", "near_duplicates", "search"))
    OUT.print(f"\nIn more than one split: {_counts(leaks)}")
    OUT.print(f"Pairs nearer than {search['threshold']}: {near['pairs']}, {near['in_one_group']} of them in one group")
    _print_joins(certificate["examinations"])
    rows = [[row["split"], f"{row['images']:,}", f"{row['groups']:,}"] for row in certificate["splits"]]
    table("Splits", ["split", "images", "groups"], rows)
    for official in certificate["official_splits"]:
        OUT.print(
            f"{official['source']}: {plural(official['images'], 'image')} with a split of the authors, "
            f"{official['images_elsewhere']:,} of them in another split here; "
            f"in more than one split of the authors: {_counts(official['leaks'])}"
        )
    names = ("evidence", "sample_id", "split", "other_id", "other_split")
    nearest = certificate["nearest_across_splits"][:10]
    rows = [[f"{pair['distance']:.4f}", *(pair[name] for name in names)] for pair in nearest]
    table("Nearest pictures in different splits", ["distance", "", "picture", "split", "picture", "split"], rows)
    rows = [[f"{least:.2f}", f"{pairs:,}"] for least, pairs in certificate["distances"]]
    table(f"Distances of pictures of different videos (threshold: {RULE})", ["from", "pairs"], rows)
    for heading, name in (("Looked at", "checked"), ("Not looked at", "not_checked")):
        OUT.print(f"[bold]{heading}[/]")
        for line in certificate[name]:
            OUT.print(f"  {line}", markup=False)


def _counts(leaks: Mapping[str, int]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in leaks.items())
