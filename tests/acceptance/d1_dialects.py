"""Every dialect gives the objects back, and real consumers, each in an environment of its own, read the same ones.

The programs under ``consumers/`` see the exported files only. What cannot be installed here is listed with its reason.
"""

import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from medmultipoints.data_lake.release.export.dialect_rows import read_dialect_pictures, read_items
from medmultipoints.data_lake.release.export.dialects import DialectReport, export_dialect
from medmultipoints.data_lake.release.read.released_tables import splits_of
from medmultipoints.data_lake.release.write.manifest import Manifest, read_manifest
from medmultipoints.data_lake.simulate import SimulatedSizes, write_sources
from medmultipoints.transforms.dialects.conversations.answers import Mark, read_content, read_facts
from medmultipoints.transforms.dialects.frames import THOUSAND, decode
from medmultipoints.transforms.dialects.items import Item, Picture, box_mark
from medmultipoints.transforms.dialects.registry import DIALECTS, Conversation, Layout
from tests.acceptance.builds import build
from tests.acceptance.environments import Consumer, NotInstallable, ask, install
from tests.acceptance.inputs import small
from tests.acceptance.marks import compare
from tests.transforms.dialects.decoders.registry import decode_entry, decode_files


class Reading(NamedTuple):
    """One dialect read by one consumer; ``tolerance`` in pixels is what that consumer rounds to by itself."""

    dialect: str
    arguments: tuple[str, ...] = ()
    tolerance: float = 1e-3


@dataclass(frozen=True, slots=True)
class Release:
    """The release under test with what it holds."""

    folder: Path
    manifest: Manifest
    items: Mapping[str, Item]

    @property
    def splits(self) -> tuple[str, ...]:
        return splits_of(self.manifest)


CONVERSATIONS = tuple(name for name, one in DIALECTS.items() if isinstance(one.form, Conversation))
LAYOUTS = {
    Consumer("pycocotools"): (Reading("coco"), Reading("coco-keypoints")),
    Consumer("supervision"): (Reading("coco", tolerance=1e-3), Reading("yolo", tolerance=1e-2)),
    # datumaro keeps two decimals, and four of a YOLO fraction
    Consumer("datumaro"): (
        Reading("coco", ("coco_instances",), 0.02),
        Reading("coco-keypoints", ("coco_person_keypoints",), 0.02),
        Reading("yolo", ("yolo",), 0.3),
        Reading("mot", ("mot_seq",), 0.02),
    ),
    Consumer("motmetrics"): (Reading("mot"),),
    Consumer("trackeval"): (Reading("mot"),),
    Consumer("ultralytics", heavy=True): (Reading("yolo", tolerance=1e-2),),
}
DATASETS = Consumer("datasets")
SWIFT = Consumer("ms-swift", script="read_swift.py", heavy=True)


def run(work: Path) -> dict[str, Any]:
    """A simulated release with masks, tracks and three splits, exported once a dialect."""
    sizes = SimulatedSizes(polyps=8, instruments=4, videos=3, frames=6) if small() else SimulatedSizes(videos=4)
    sources = write_sources(work / "sources", seed=31, sizes=sizes).paths
    folder = build("demo", work / "lake", sources).release.path
    manifest = read_manifest(folder)
    items = {item.instruction_id: item for split in splits_of(manifest) for item in read_items(folder, manifest, split)}
    release = Release(folder, manifest, items)
    exports = {name: export_dialect(folder, work / "exports" / name, name) for name in DIALECTS}
    figures: dict[str, Any] = {"instructions": len(items), "dialects": len(exports)}
    figures["round_trip"] = {name: check_round_trip(release, report) for name, report in exports.items()}
    figures["left_out"] = {name: dict(report.left_out) for name, report in exports.items() if report.left_out}
    found, skipped = consume(release, exports, work)
    assert found, f"no consumer could be installed: {skipped}"
    return figures | {"consumers": found, "not_installed": skipped}


def consume(
    release: Release, exports: Mapping[str, DialectReport], work: Path
) -> tuple[dict[str, dict[str, int]], dict[str, str]]:
    """Objects or entries that each consumer gave back, by dialect; and why others could not be asked."""
    checks: dict[Consumer, Callable[[Path], dict[str, int]]] = {}
    for consumer, readings in LAYOUTS.items():
        checks[consumer] = lambda python, consumer=consumer, readings=readings: {  # type: ignore[misc]
            reading.dialect: check_layout(release, exports[reading.dialect], consumer, python, reading, work)
            for reading in readings
        }
    checks[DATASETS] = lambda python: {name: check_entries(exports[name], python, work) for name in CONVERSATIONS}
    checks[SWIFT] = lambda python: check_swift(release, exports["swift-objects"], python, work)
    found, skipped = {}, {}
    for consumer, check in checks.items():
        try:
            version, python = install(consumer, work / "environments")
        except NotInstallable as reason:
            skipped[consumer.package] = str(reason)
            continue
        found[f"{consumer.package} {version}"] = check(python)
        shutil.rmtree(work / "environments")
    return found, skipped


def check_round_trip(release: Release, report: DialectReport) -> int:
    """The number of marks that come back from the exported files within two steps of the dialect's rounding."""
    form = DIALECTS[report.dialect].form
    if isinstance(form, Conversation):
        return sum(check_entry(release, report.dialect, entry) for entry in read_entries(report.folder, form))
    compared = 0
    for split in release.splits:
        wanted, sizes = expected(release, form, split, report.dialect)
        if sizes:
            found = decode_files(report.dialect, Files(report.folder), split, sizes)
            tolerance = 2.0 if report.dialect == "biomedparse" else 1e-3
            compared += compare(found, wanted, tolerance, report.dialect)
    return compared


class Files(Mapping[str, bytes]):
    """The files of an export by their path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __getitem__(self, path: str) -> bytes:
        return (self.folder / path).read_bytes()

    def __iter__(self) -> Iterator[str]:
        return (path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())

    def __len__(self) -> int:
        return sum(1 for _ in self)


def read_entries(folder: Path, form: Conversation) -> Iterable[dict[str, Any]]:
    """The entries of all splits."""
    for path in sorted(folder.glob("*.json*")):
        if path.stem not in ("export", "dataset_info"):
            text = path.read_text("utf-8")
            yield from json.loads(text) if form.listed else map(json.loads, text.splitlines())


def check_entry(release: Release, dialect: str, entry: Mapping[str, Any]) -> int:
    """The number of marks of an entry, each where the instruction says, within two thousandths of a side and 2 px."""
    item = release.items[entry["instruction_id"]]
    wanted = list(read_facts(read_content(item.answer)).marks) or [Mark("", point) for point in item.points]
    facts = decode_entry(dialect, entry, item.size)
    marks = list(facts.marks)
    assert not marks or len(marks) == len(wanted), f"{item.instruction_id}: {len(marks)} marks of {len(wanted)}"
    tolerance = 2 + 0.002 * max(item.size)
    unnamed = {item.image: [Mark("", mark.numbers) for mark in marks]}
    compare(unnamed, {item.image: [Mark("", mark.numbers) for mark in wanted[: len(marks)]]}, tolerance, "entry")
    return len(marks)


def check_layout(
    release: Release, report: DialectReport, consumer: Consumer, python: Path, reading: Reading, work: Path
) -> int:
    """The number of objects that a consumer gave back, each in its picture, under its name, at its place."""
    scratch = work / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    arguments = reading.arguments or (str(scratch),)
    rows = ask(consumer, python, report.folder, arguments, work)
    found: defaultdict[str, list[Mark]] = defaultdict(list)
    for row in rows:
        found[row["picture"]].append(Mark(row["name"], tuple(row["numbers"])))
    form = DIALECTS[report.dialect].form
    assert isinstance(form, Layout)
    wanted: dict[str, list[Mark]] = {}
    for split in release.splits:
        wanted |= expected(release, form, split, report.dialect)[0]
    return compare(found, wanted, reading.tolerance, f"{consumer.package}, {report.dialect}")


def expected(release: Release, form: Layout, split: str, dialect: str) -> tuple[dict[str, list[Mark]], dict[str, Any]]:
    """Marks and size of each picture of a split by its path in the export, straight from the release's tables."""
    pictures: Iterable[Picture] = read_dialect_pictures(release.folder, release.manifest, split)
    paths = form.place(pictures, split).paths
    marks, sizes = {}, {}
    for picture in pictures:
        path = paths.get(picture.sample_id)
        if path is not None:
            held = [found for found in picture.objects if form.holds(found)]
            points = dialect == "coco-keypoints"
            marks[path] = [Mark(one.label, tuple(one.point)) if points else box_mark(one) for one in held]
            sizes[path] = picture.size
    return marks, sizes


def check_entries(report: DialectReport, python: Path, work: Path) -> int:
    """The number of entries that ``datasets`` loads, each as it stands in the file."""
    rows = ask(DATASETS, python, report.folder, (str(work / "cache" / report.dialect),), work)
    form = DIALECTS[report.dialect].form
    assert isinstance(form, Conversation)
    loaded = {row["instruction_id"]: row for row in rows}
    for entry in read_entries(report.folder, form):
        row = loaded.pop(entry["instruction_id"])
        assert row == entry, f"{report.dialect}: {entry['instruction_id']} was loaded as {row}"
        pictures = entry.get("images") or entry["image"]
        assert all((report.folder / path).is_file() for path in ([pictures] if isinstance(pictures, str) else pictures))
    assert not loaded, f"{report.dialect}: {len(loaded)} entries too many"
    return len(rows)


def check_swift(release: Release, report: DialectReport, python: Path, work: Path) -> dict[str, int]:
    """Answers as ms-swift would teach them, for models of relative coordinates and of pixels, against the release."""
    counts = {}
    form = DIALECTS[report.dialect].form
    assert isinstance(form, Conversation)
    entries = list(read_entries(report.folder, form))
    for scale in ("norm1000", "none"):
        rows = ask(SWIFT, python, report.folder, (scale,), work)
        assert len(rows) == len(entries), f"ms-swift: {len(rows)} of {len(entries)} entries"
        for entry, row in zip(entries, rows, strict=True):
            item = release.items[entry["instruction_id"]]
            wanted, taught = (read_facts(read_content(text)) for text in (item.answer, row["answer"]))
            shown = [path.partition("/images/")[2] or path.removeprefix("images/") for path in row["pictures"]]
            wished = [path.removeprefix("images/") for path in item.pictures]
            assert shown == wished, f"{item.instruction_id}: {row['pictures']}"
            assert taught.count == wanted.count, f"{item.instruction_id}: taught {row['answer']}"
            marks = [
                Mark(mark.name, decode(THOUSAND, mark.numbers, item.size)) if scale == "norm1000" else mark
                for mark in taught.marks
            ]
            rounding = max(THOUSAND.step(item.size)) / 2 if scale == "norm1000" else 0.5
            compare({item.image: marks}, {item.image: wanted.marks}, rounding + 1e-6, item.instruction_id)
        counts[f"swift-objects {scale}"] = len(rows)
    return counts
