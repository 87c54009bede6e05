"""Verify a release: all of its content is recomputed, or reported as unproved."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from medmultipoints.data_lake.catalogue import load_catalogue
from medmultipoints.data_lake.release.checks.agreement import TABLE_CHECKS
from medmultipoints.data_lake.release.checks.answers import check_answers, check_descriptions, has_descriptions
from medmultipoints.data_lake.release.checks.card_check import README, check_card_numbers
from medmultipoints.data_lake.release.checks.described_files import check_described_files
from medmultipoints.data_lake.release.checks.made_tables import check_made, made_in
from medmultipoints.data_lake.release.checks.picture_bytes import check_pictures
from medmultipoints.data_lake.release.checks.placement import (
    check_classes,
    check_placement,
    check_quarantine,
    check_totals,
)
from medmultipoints.data_lake.release.checks.stated_results import check_expectations, check_stated_leakage
from medmultipoints.data_lake.release.checks.statements import check_identity, check_inputs, check_recipe, check_sources
from medmultipoints.data_lake.release.export.dialect_tables import check_dialects, check_shown
from medmultipoints.data_lake.release.read.certificate import CERTIFICATE, check_leakage
from medmultipoints.data_lake.release.read.digest import logical_digest
from medmultipoints.data_lake.release.read.expectations import EXPECTATIONS
from medmultipoints.data_lake.release.read.joins import Proofs, prove_joins, read_joins, redacted_images
from medmultipoints.data_lake.release.read.released_tables import read_pictures, read_tables
from medmultipoints.data_lake.release.sign.signature import Trust, check_signature
from medmultipoints.data_lake.release.write.files import FileEntry, hash_file
from medmultipoints.data_lake.release.write.instruction_rows import check_both_formats
from medmultipoints.data_lake.release.write.manifest import (
    ClaimedManifest,
    Manifest,
    is_rooted,
    manifest_root,
    read_manifest,
)
from medmultipoints.data_lake.release.write.origins import INPUTS, RECIPE
from medmultipoints.transforms.diff.releases import Tables
from medmultipoints.transforms.errors import DataError, MachineError, UsageError, is_memory_short
from medmultipoints.transforms.reporting.counted import plural
from medmultipoints.transforms.splits.leakage import Certificate

SHOWN = 3
LEFT_BY_CLIENTS = (".cache", ".git", ".gitattributes")
"""What the Hub's clients and git add to a downloaded release; nothing is loaded from it."""


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of a check: a summary, or the first problems and their number; ``proved``: not a mere claim."""

    name: str
    ok: bool
    detail: str
    proved: bool = True


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """All checks of one release, in the order they ran.

    ``leakage`` is the certificate recomputed from the pictures, if that was requested and possible.
    """

    checks: tuple[Check, ...]
    leakage: Certificate | None = None

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)


Problems = Callable[[], Iterator[str]]


def verify_release(folder: Path, *, leakage: bool = False, trust: Trust | None = None) -> VerifyReport:
    """Return the outcome of every check; a damaged release gives failing checks, never an exception.

    Files: complete, no others, size and sha256, manifest root. Tables: readable, references, lists, splits, answers,
    logical digest. Pictures: bytes, size in pixels. Accounting: sums of every stage. With ``leakage`` the certificate
    is recomputed from the pictures, and any leak fails. With ``trust`` an allowed signer must have signed the release,
    and every file must be the signed one.
    """
    try:
        manifest = read_manifest(folder, ClaimedManifest)
    except DataError as error:
        return VerifyReport((Check("manifest", False, str(error)),))
    checks = [Check("manifest", True, f"{manifest.title}, {plural(len(manifest.files), 'file')}")]
    checks += [_run(name, problems) for name, problems in _file_checks(folder, manifest)]
    signed = _signature(folder, manifest, trust) if trust is not None else None
    checks += [signed] if signed else []
    checks += _content_checks(folder, manifest)
    checks += _unproved(manifest, signed=bool(signed and signed.ok), leakage=leakage)
    certificates: list[Certificate] = []
    if leakage:
        checks.append(_joins(folder, manifest))
        checks.append(_run("leakage", lambda: _leaks(folder, manifest, certificates)))
    return VerifyReport(tuple(checks), next(iter(certificates), None))


def _file_checks(folder: Path, manifest: Manifest) -> list[tuple[str, Problems]]:
    return [
        ("no_file_missing_or_extra", lambda: _strays(folder, manifest)),
        ("file_hashes", lambda: _changed_files(folder, manifest)),
        ("manifest_root", lambda: _root(manifest)),
        ("identity", lambda: check_identity(folder, manifest)),
        *([("recipe", lambda: check_recipe(folder, manifest))] if manifest.lists(RECIPE) else []),
        *([("inputs", lambda: check_inputs(folder, manifest))] if manifest.lists(INPUTS) else []),
        ("files_hold_their_split", lambda: check_placement(folder, manifest)),
        ("label_ids", lambda: check_classes(folder, manifest)),
        ("accounting", lambda: _accounting(manifest)),
        ("quarantine", lambda: check_quarantine(folder, manifest)),
    ]


def _content_checks(folder: Path, manifest: Manifest) -> Iterator[Check]:
    tables: list[Tables] = []

    def read() -> Iterator[str]:
        tables.append(read_tables(folder, manifest))
        yield from ()

    readable = _run("tables_readable", read)
    yield readable
    if not readable.ok:
        return
    with ThreadPoolExecutor(1) as pool:  # decoding keeps the other core busy while rows are compared
        pictures = pool.submit(_run, "pictures", lambda: _pictures(folder, manifest, tables[0]))
        yield from _table_checks(folder, manifest, tables[0])
        yield pictures.result()


def _pictures(folder: Path, manifest: Manifest, tables: Tables) -> Iterator[str]:
    return check_pictures(read_pictures(folder, manifest), tables.images, tables.objects)


def _table_checks(folder: Path, manifest: Manifest, tables: Tables) -> Iterator[Check]:
    """Yield the checks of readable tables that need no pixels."""
    yield _run("logical_digest", lambda: _digest(manifest, tables))
    yield _run("totals", lambda: check_totals(manifest, tables))
    yield _run("described_files", lambda: check_described_files(folder, manifest))
    if manifest.lists(README) and (folder / README).is_file():  # a missing file is named above
        yield _run("card_numbers", lambda: check_card_numbers(folder, manifest, tables))
    yield _run("sources", lambda: check_sources(manifest, tables, load_catalogue()))
    if manifest.lists(EXPECTATIONS):
        yield _run("expectations", lambda: check_expectations(folder, manifest, tables))
    if manifest.lists(CERTIFICATE):
        yield _run("stated_leakage", lambda: check_stated_leakage(folder, manifest, tables.images))
    if made_in(manifest):
        yield _run("made_by_models", lambda: check_made(folder, manifest, tables.images))
    if has_descriptions(manifest):
        yield _run("descriptions_hold", lambda: check_descriptions(folder, manifest, tables))
    for name, problems in TABLE_CHECKS.items():
        yield _run(name, lambda problems=problems: problems(tables))  # type: ignore[misc]
    yield _run("instructions_in_both_formats", lambda: check_both_formats(folder, manifest, tables.instructions))
    yield _run("dialects", lambda: check_dialects(folder, manifest, tables))
    yield _run("pictures_of_dialects", lambda: check_shown(folder, manifest, tables.images))
    yield _run("answers", lambda: check_answers(tables, manifest.recipe))


def _unproved(manifest: Manifest, *, signed: bool, leakage: bool) -> Iterator[Check]:
    """Yield a check for each statement that nothing in the release proves, or whose proof was not requested."""
    if not signed:
        detail = "stated, not proved: a signature proves it (--allowed-signers)"
        yield Check("packages", True, detail, proved=False)
        detail = "stated, not proved: they are of the sources; a signature proves them (--allowed-signers)"
        yield Check("findings", True, detail, proved=False)
        origins = "recipe, source files, accounting, expectations, what sources say of pictures"
        card = "sentences and pictures of the card"
        detail = f"stated, not proved: {origins}, {card}; a signature proves them (--allowed-signers)"
        yield Check("origins", True, detail, proved=False)
    if not leakage and manifest.lists(CERTIFICATE):
        detail = "stated, not proved: --leakage compares the pictures again"
        yield Check("near_duplicates", True, detail, proved=False)
    for name in (RECIPE, INPUTS, EXPECTATIONS, CERTIFICATE):
        if not manifest.lists(name):
            yield Check(name, True, f"not proved: the release has no {name}", proved=False)


def _signature(folder: Path, manifest: Manifest, trust: Trust) -> Check:
    signers: list[str] = []
    problems = lambda: check_signature(folder, manifest, trust, signers)  # noqa: E731
    check = _run("signature", problems, raised=(UsageError, MachineError))
    return replace(check, detail=f"by {signers[0]}: all files are the signed ones") if check.ok else check


def _joins(folder: Path, manifest: Manifest) -> Check:
    """Prove joins of one examination, frame or day again; those that cannot be proved here are counted."""
    proofs: list[Proofs] = []

    def prove() -> Iterator[str]:
        proofs.append(prove_joins(folder, manifest, read_joins(folder, manifest), redacted_images(folder, manifest)))
        yield from proofs[0].problems

    check = _run("joins", prove)
    return replace(check, detail=proofs[0].summary(), proved=not proofs[0].stated) if check.ok else check


def _leaks(folder: Path, manifest: Manifest, certificates: list[Certificate]) -> Iterator[str]:
    """Yield the errors of the leakage certificate; the recomputed one is added to ``certificates``."""
    found = check_leakage(folder, manifest)
    certificates.append(found.certificate)
    yield from found.problems


def _run(name: str, problems: Problems, *, raised: tuple[type[Exception], ...] = ()) -> Check:
    """Return the outcome of a check; an exception that malformed bytes cause in a library is a finding, not a crash.

    Errors of the kinds ``raised``, and a lack of memory, concern the request or this machine: they are passed on.
    """
    shown: list[str] = []
    count = 0
    try:
        for count, problem in enumerate(problems(), 1):
            if count <= SHOWN:
                shown.append(problem)
    except raised:
        raise
    except Exception as error:
        if is_memory_short(error):
            raise
        shown.append(str(error) if isinstance(error, DataError) else f"{type(error).__name__}: {error}")
        count += 1
    more = f"; and {count - len(shown)} more" if count > len(shown) else ""
    return Check(name, not shown, "; ".join(shown) + more if shown else "as stated")


def _strays(folder: Path, manifest: Manifest) -> Iterator[str]:
    listed = {file.path for file in manifest.files}
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file() or path.is_symlink())
    found = {path.as_posix() for path in files if path.parts[0] not in LEFT_BY_CLIENTS}
    yield from (f"{path} is missing" for path in sorted(listed - found))
    yield from (f"{path} is not in the manifest" for path in sorted(found - listed) if is_rooted(path))


def _changed_files(folder: Path, manifest: Manifest) -> Iterator[str]:
    for entry in manifest.entries:
        if problem := size_problem(folder, entry):
            yield problem
        elif (found := hash_file(folder / entry.path, entry.path).sha256) != entry.sha256:
            yield f"{entry.path} has sha256 {found}, the manifest says {entry.sha256}"


def check_sizes(folder: Path, manifest: Manifest) -> None:
    """Raise DataError if a file is missing or has another size: a quick check that reads no file."""
    for problem in filter(None, (size_problem(folder, entry) for entry in manifest.entries)):
        raise DataError(f"{folder}: {problem}. Verify it, and get it again.")


def size_problem(folder: Path, entry: FileEntry) -> str | None:
    """Return what is wrong with a file as far as its metadata show."""
    path = folder / entry.path
    if not path.is_file():
        return f"{entry.path} is missing"
    size = path.stat().st_size
    return None if size == entry.bytes else f"{entry.path} has {size:,} bytes, the manifest says {entry.bytes:,}"


def _root(manifest: Manifest) -> Iterator[str]:
    found = manifest_root(manifest.entries)
    if found != manifest.manifest_root:
        yield f"the files give {found}, the manifest says {manifest.manifest_root}"


def _accounting(manifest: Manifest) -> Iterator[str]:
    for stage in manifest.accounting:
        if stage.taken != stage.used + stage.dropped + stage.rejected:
            yield f"{stage.name}: in {stage.taken} != used {stage.used} + {stage.dropped} + {stage.rejected}"
        for verdict, total in (("dropped", stage.dropped), ("rejected", stage.rejected)):
            reasons = sum(reason.count for reason in stage.reasons if reason.verdict == verdict)
            if reasons != total:
                yield f"{stage.name}: {total} {verdict}, but the reasons sum to {reasons}"


def _digest(manifest: Manifest, tables: Tables) -> Iterator[str]:
    found = logical_digest(tables)
    if found != manifest.logical_digest:
        yield f"the rows give {found}, the manifest says {manifest.logical_digest}"
