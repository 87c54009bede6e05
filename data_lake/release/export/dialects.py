"""Export a release in another format: pictures and annotations for a trainer or tool, from the Parquet alone."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from medmultipoints.data_lake.release.export.dialect_files import Export, write_conversations, write_layout
from medmultipoints.data_lake.release.export.dialect_rows import read_contents
from medmultipoints.data_lake.release.export.folder import export_folder, write_mark
from medmultipoints.data_lake.release.export.plain import choose_splits
from medmultipoints.data_lake.release.read.json_files import reads_release
from medmultipoints.data_lake.release.read.released_tables import splits_of
from medmultipoints.data_lake.release.write.manifest import Manifest, read_manifest
from medmultipoints.transforms.dialects.layouts.yolo import UNCERTAIN
from medmultipoints.transforms.dialects.registry import DIALECTS, Conversation, Dialect
from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.problems import meant
from medmultipoints.transforms.splits.official import official_name


@dataclass(frozen=True, slots=True)
class DialectReport:
    """The outcome of an export; ``entries`` are instructions or objects.

    ``left_out`` counts by reason the instructions, objects and pictures that the dialect cannot express; ``missing``
    says which splits its trainer needs and the export lacks, and what helps.
    """

    folder: Path
    dialect: str
    splits: tuple[str, ...]
    images: int
    entries: int
    left_out: Mapping[str, int]
    missing: str | None = None


@reads_release
def export_dialect(folder: Path, to: Path, dialect: str, split: str | None = None) -> DialectReport:
    """Write the release in a dialect as files in ``to``, which appears whole or not at all.

    The same release gives the same files. UsageError for an unknown dialect or split, for a folder that holds anything
    but an earlier export of the same, and for a release without content for the dialect; DataError for rows that no
    valid release has; MachineError for disk errors.
    """
    chosen = find_dialect(dialect)
    manifest = read_manifest(folder)
    splits = choose_splits(manifest, split)
    with export_folder(to, manifest, splits, dialect) as unfinished:
        return _write(Export(folder, manifest, unfinished, read_contents(folder, manifest, splits)), chosen, to)


def find_dialect(name: str) -> Dialect:
    """Return the dialect of that name; UsageError lists all names."""
    if name not in DIALECTS:
        raise UsageError(f"unknown dialect '{name}'; {meant(name, DIALECTS)}.")
    return DIALECTS[name]


def _write(export: Export, dialect: Dialect, to: Path) -> DialectReport:
    form = dialect.form
    written = write_conversations(export, form) if isinstance(form, Conversation) else write_layout(export, form)
    left_out = dict(sorted(written.left_out.items()))
    if not written.images:
        reasons = "; ".join(f"{count} {reason}" for reason, count in left_out.items()) or "it has no rows"
        remedy = "Choose another one."
        if UNCERTAIN in left_out:
            remedy = "Name the labels of which every object is annotated in [read.absence] certain, and build again."
        raise UsageError(f"--dialect {dialect.name}: the release has nothing for it: {reasons}. {remedy}")
    splits = export.contents.splits
    missing = missing_splits(dialect, splits, export.manifest)
    report = DialectReport(to, dialect.name, splits, written.images, written.entries, left_out, missing)
    resize = asdict(dialect.resize) if dialect.resize else None
    about = {"frame": dialect.frame, "boxes": dialect.boxes, "resize": resize, "left_out": left_out}
    write_mark(export.to, export.manifest, splits, dialect.name, **about)
    return report


def missing_splits(dialect: Dialect, splits: Sequence[str], manifest: Manifest) -> str | None:
    """Return which splits the dialect's trainer needs and lacks, with the remedy; None if it lacks none."""
    absent = sorted({*dialect.needs} - {official_name(split) for split in splits})
    if not absent:
        return None
    held = not {*absent} - {official_name(split) for split in splits_of(manifest)}
    remedy = "export without --split" if held else "give it a share in [splits] fractions of the recipe and build again"
    return f"training needs the split {' and '.join(absent)}, which is not in this export: {remedy}"
