"""``medmultipoints verify``, ``show``, ``export`` and ``sign``: work on a release folder alone."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from medmultipoints.data_lake.publish.read_back import check_rows, fetched_release
from medmultipoints.data_lake.release.checks.verify import Check, verify_release
from medmultipoints.data_lake.release.export.corrupted import export_corrupted
from medmultipoints.data_lake.release.export.dialects import DialectReport, export_dialect
from medmultipoints.data_lake.release.export.plain import ExportReport, export_release
from medmultipoints.data_lake.release.read.show import describe_release
from medmultipoints.data_lake.release.sign.signature import Trust, sign_release
from medmultipoints.data_lake.release.write.manifest import MANIFEST, no_release
from medmultipoints.flows.cli.console import OUT, print_json, say, say_error, table
from medmultipoints.flows.cli.options import JsonOption, SplitOption
from medmultipoints.flows.cli.releases.leakage import print_certificate
from medmultipoints.flows.engine.planning.intention import shown
from medmultipoints.flows.engine.publishing import check_release, place_of
from medmultipoints.transforms.dialects.registry import DIALECTS
from medmultipoints.transforms.errors import NoRelease, UsageError
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.splits.leakage import Certificate

LIST = "list"
ReleaseArgument = Annotated[Path, typer.Argument(help="Folder of a release.")]
PublishedArgument = Annotated[
    str,
    typer.Argument(
        metavar="RELEASE", help="Folder of a release, hub:OWNER/NAME@vX.Y.Z, or folder:PATH@vX.Y.Z of `publish --to`."
    ),
]
LeakageOption = Annotated[
    bool,
    typer.Option(
        "--leakage", help="Hash every picture again and search for near-duplicates in different splits; slower."
    ),
]
SignersOption = Annotated[
    Path | None,
    typer.Option(help="Require a signature by one of these signers: a file as `ssh-keygen -Y verify` reads it."),
]
DialectOption = Annotated[
    str | None, typer.Option(help=f"A trainer's or tool's format: {', '.join(DIALECTS)}; `{LIST}` shows them.")
]


@contextmanager
def opened_release(release: str) -> Iterator[Path]:
    """Provide the folder of a release; a published version is downloaded for the duration of the block."""
    published = place_of(release)
    if published is not None:
        with fetched_release(*published) as folder:
            yield folder
    elif Path(release).is_dir():
        yield Path(release)
    else:
        raise UsageError(f"{release}: there is no such folder. Give the folder of a release, or hub:OWNER/NAME@vX.Y.Z.")


def verify(
    release: PublishedArgument,
    leakage: LeakageOption = False,
    allowed_signers: SignersOption = None,
    signature: Annotated[Path | None, typer.Option(help="The signature, if it is not the one in the release.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Recompute everything that a release claims: files, hashes, pictures, references, every answer.

    A published version is downloaded to a temporary folder first; its own manifest is all that is needed. Then
    `load_dataset` loads rows of every table and split from where it is published.

    Examples: `medmultipoints verify lake/releases/demo/1.0.0`, `medmultipoints verify hub:acme/medmultipoints@v1.0.0`
    """
    if signature and not allowed_signers:
        raise UsageError("--signature needs --allowed-signers FILE, which lists the signers to accept.")
    trust = Trust(allowed_signers, signature) if allowed_signers else None
    with opened_release(release) as folder:
        if not (folder / MANIFEST).exists():
            raise NoRelease(no_release(folder))
        report = verify_release(folder, leakage=leakage, trust=trust)
        published = place_of(release)
        checks = (*report.checks, *([check_rows(*published, folder)] if published else []))
    failed = [check for check in checks if not check.ok]
    if as_json:
        found = {"leakage": report.leakage} if leakage else {}
        print_json({"ok": not failed, "checks": [asdict(check) for check in checks], **found})
    else:
        print_checks(release, checks, report.leakage)
    if failed:
        say_error(f"{len(failed)} of {len(checks)} checks failed: do not use this copy; get or build it again.")
        raise typer.Exit(1)


def print_checks(release: str, checks: Sequence[Check], leakage: Certificate | None = None) -> None:
    """Print one line per check, whether all passed, and last the certificate of leakage, if there is one."""
    table(release, ["", "check", "found"], [[outcome_of(check), check.name, check.detail] for check in checks])
    stated = sum(1 for check in checks if check.ok and not check.proved)
    if all(check.ok for check in checks):
        verb = "is" if stated == 1 else "are"
        text = f" {plural(stated, 'statement')} {verb} not proved here; each line says what would prove it."
        rest = text if stated else ""
        OUT.print(f"\n[bold]All {len(checks) - stated} checks hold.[/]{rest}")
    if leakage is not None:
        print_certificate(leakage)


def outcome_of(check: Check) -> str:
    """Return the outcome of a check in one word."""
    return "FAILED" if not check.ok else "ok" if check.proved else "stated"


def show(release: ReleaseArgument, as_json: JsonOption = False) -> None:
    """Show what a release holds.

    Example: `medmultipoints show lake/releases/demo/1.0.0`
    """
    facts = describe_release(release)
    if as_json:
        print_json(facts)
        return
    facts["accounting"] = [stage for stage in facts["accounting"] if stage["in"]]
    facts["sources"] = [{"name": one["name"], "files of an accepted sha256": one["known"]} for one in facts["sources"]]
    hashes = [(name, facts.pop(name)) for name in ("manifest_root", "logical_digest")]
    for name, value in [*facts.items(), *hashes]:
        if name == "notes":
            for line in value:
                OUT.print(f"[bold]{'note':<16}[/]{escape(line)}")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            columns = [column for column, first in value[0].items() if not isinstance(first, (list, tuple))]
            OUT.print()
            table(name.replace("_", " "), columns, [[cell_text(row[column]) for column in columns] for row in value])
        else:
            OUT.print(f"[bold]{name:<16}[/]{escape(cell_text(value))}")


def cell_text(value: object) -> str:
    """Return a value as text for people."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def export(
    release: Annotated[Path | None, typer.Argument(help="Folder of a release.", show_default=False)] = None,
    to: Annotated[
        Path | None,
        typer.Option("--to", help="A new or empty folder, or an earlier export of the same, which is replaced."),
    ] = None,
    split: SplitOption = None,
    dialect: DialectOption = None,
    corrupted: Annotated[
        bool, typer.Option("--corrupted", help="Write damaged pictures at five severities; the default split is test.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Write image files and instructions, as they are or in the format of a trainer.

    Example: `medmultipoints export lake/releases/demo/1.0.0 --to export --dialect coco`
    """
    if dialect == LIST:
        _list_dialects(as_json)
        return
    if release is None or to is None:
        raise UsageError("export: RELEASE and --to are needed. See `medmultipoints export --help`.")
    if corrupted and dialect is not None:
        raise UsageError("--corrupted writes plain files: it has no --dialect.")
    report: ExportReport | DialectReport
    if dialect is not None:
        report = export_dialect(release, to, dialect, split)
    else:
        report = export_corrupted(release, to, split or "test") if corrupted else export_release(release, to, split)
    if as_json:
        print_json(asdict(report))
    else:
        _print_export(report, to)


def _print_export(report: ExportReport | DialectReport, to: Path) -> None:
    """Print what was written where; of a dialect, also what it cannot express and what its trainer lacks."""
    if isinstance(report, ExportReport):
        rows = f"{plural(report.instructions, 'instruction')}, {plural(report.records, 'record')}"
    else:
        rows = f"{report.entries:,} entries of {report.dialect}"
    OUT.print(f"{count_pictures(to, report.images)}, {rows} in {shown(to.absolute())}", markup=False)
    if isinstance(report, DialectReport):
        for reason, count in report.left_out.items():
            OUT.print(f"left out: {count:,}  {reason}", markup=False)
        if report.missing:
            say(f"warning: {report.missing}.")


def count_pictures(folder: Path, files: int) -> str:
    """Return the number of picture files in an export, and how many of them are crops."""
    crops = sum(1 for _ in folder.rglob("*.crop.*.png"))
    shown_crops = f" and {plural(crops, 'crop')} for questions" if crops else ""
    return plural(files - crops, "image") + shown_crops


def _list_dialects(as_json: bool) -> None:
    names = ("name", "title", "frame", "boxes", "rounding", "lost")
    rows = [[getattr(one, name) for name in names] for one in DIALECTS.values()]
    if as_json:
        print_json({"dialects": [dict(zip(names, row, strict=True)) for row in rows]})
    else:
        table("dialects", names[:4], [row[:4] for row in rows])


def sign(
    release: ReleaseArgument,
    key: Annotated[Path, typer.Option(help="Private SSH key, or the public one if an agent holds the private key.")],
    as_json: JsonOption = False,
) -> None:
    """Sign a release: verify it, and sign with SSH what it holds and what it was made of.

    The statement (in-toto, with the source files as materials) and its signature are placed next to the manifest; they
    change nothing in the release, and `publish` takes them along. Anyone checks them offline:
    `medmultipoints verify RELEASE --allowed-signers FILE`.

    Example: `medmultipoints sign lake/releases/demo/1.0.0 --key ~/.ssh/id_ed25519`
    """
    check_release(release)
    written = [str(path) for path in sign_release(release, key.expanduser())]
    if as_json:
        print_json({"files": written})
        return
    for path in written:
        OUT.print(path, markup=False)
