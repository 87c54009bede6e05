"""Write simulated sources to disk: one folder per source, with archives under their official names."""

import hashlib
import os
import zipfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

import medmultipoints.transforms.sources.simulated as simulated_package
from medmultipoints.data_lake.store.layout import explained
from medmultipoints.data_lake.store.temporary import sync, write_durably
from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.sources.simulated.counts import REAL_BOXES, TRACK_TOTALS, model_counts, parse_counts_csv
from medmultipoints.transforms.sources.simulated.faults import faults_of
from medmultipoints.transforms.sources.simulated.hyperkvasir import (
    LABEL_TABLE,
    LABELLED_ZIP,
    SEGMENTED_ZIP,
    simulate_hyperkvasir,
)
from medmultipoints.transforms.sources.simulated.kvasir_instrument import INSTRUMENT_ZIP, simulate_kvasir_instrument
from medmultipoints.transforms.sources.simulated.members import Member, Planted, Simulated
from medmultipoints.transforms.sources.simulated.pair_faults import NO_FAULTS, PairFault
from medmultipoints.transforms.sources.simulated.tracks import PlantTracks
from medmultipoints.transforms.sources.simulated.visem_names import VISEM_ZIP
from medmultipoints.transforms.sources.simulated.visem_tracking import VideoMode, simulate_visem_tracking

STAMP = "simulated.json"
FOLDERS = {
    "hyperkvasir": "hyper-kvasir",
    "kvasir_instrument": "kvasir-instrument",
    "visem_tracking": "visem-tracking",
}
FILES = (SEGMENTED_ZIP, LABELLED_ZIP, LABEL_TABLE, INSTRUMENT_ZIP, VISEM_ZIP)
ZIP_DATE = (2020, 9, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedSizes:
    """The amount of simulated data; the defaults are those of the demo. A source of size 0 is left out.

    ``polyps``, ``instruments``: image and mask pairs; ``unsegmented``: polyps only in the label table; ``negatives``:
    labelled images without polyps (they add the labelled archive); ``videos`` of ``frames`` each, which a table of
    counts overrides.
    """

    polyps: int = 60
    instruments: int = 30
    videos: int = 3
    frames: int = 40
    unsegmented: int = 2
    negatives: int = 0
    images: bool = True
    video_files: VideoMode = "frames"


@dataclass(frozen=True, slots=True)
class FurtherFaults:
    """Additional faults to plant: by name, one pair each, and in the tracks of the videos."""

    pairs: Mapping[str, PairFault]
    tracks: PlantTracks | None = None


@dataclass(frozen=True, slots=True)
class SimulatedSources:
    """The folder of each source, for ``--source NAME=PATH``, and the planted faults."""

    paths: dict[str, Path]
    planted: tuple[Planted, ...]


@dataclass(frozen=True, slots=True)
class _Wanted:
    seed: int
    sizes: SimulatedSizes
    faults: Sequence[str]
    further: FurtherFaults | None
    counts: bytes | None
    shuffle_seed: int | None


def write_sources(
    folder: Path,
    *,
    seed: int,
    sizes: SimulatedSizes = SimulatedSizes(),
    faults: Sequence[str] = (),
    further: FurtherFaults | None = None,
    counts: bytes | None = None,
    shuffle_seed: int | None = None,
) -> SimulatedSources:
    """Write the sources to sub-folders of ``folder``; equal arguments give equal bytes, and a second call is instant.

    ``counts`` is the content of the authors' table of counts per frame: with it VISEM-Tracking has exactly those
    objects, and 1,121 / 20 / 35 tracks if the table is the complete real one. ``shuffle_seed`` shuffles the entries of
    the archives. A stamp is written last; the output of an interrupted call is rewritten. Errors: UsageError for an
    unknown fault, sizes too small for the faults, or a folder with other data; MachineError for disk errors.
    """
    wanted = _Wanted(seed, sizes, faults, further, counts, shuffle_seed)
    request = _request(wanted)
    with explained(f"the folder for simulated sources {folder}"):
        finished = _read_stamp(folder, request)
        if finished is not None:
            return finished
        sources = _simulate(wanted)
        _clear(folder)
        with ThreadPoolExecutor() as pool:  # pictures are drawn while others are written, mostly without the GIL
            written = pool.map(lambda source: _write_source(folder, source), sources)
            files = {name: size for sizes_of in written for name, size in sizes_of.items()}
        planted = [asdict(entry) for source in sources for entry in source.planted]
        names = [source.source for source in sources]
        stamp: dict[str, Any] = {"request": request, "files": files, "sources": names, "planted": planted}
        write_durably(folder / STAMP, orjson.dumps(stamp, option=orjson.OPT_INDENT_2))
    return _describe(folder, stamp)


def _request(wanted: _Wanted) -> str:
    """Return the digest of everything that determines the bytes, including the simulation's own code."""
    names = sorted({*wanted.faults, *(wanted.further.pairs if wanted.further else ())})
    counts = hashlib.sha256(wanted.counts or b"").hexdigest()
    arguments = [wanted.seed, asdict(wanted.sizes), names, wanted.shuffle_seed, counts]
    code = [Path(__file__), *sorted(Path(simulated_package.__path__[0]).glob("*.py"))]
    found = hashlib.sha256(orjson.dumps(arguments, option=orjson.OPT_SORT_KEYS))
    for path in code:
        found.update(path.read_bytes())
    return found.hexdigest()


def _simulate(wanted: _Wanted) -> list[Simulated]:
    sizes, further = wanted.sizes, wanted.further
    chosen = {source: faults_of(source, wanted.faults) for source in FOLDERS}
    pairs = further.pairs if further else NO_FAULTS
    always: dict[str, Any] = {"seed": wanted.seed, "further": pairs, "shuffle_seed": wanted.shuffle_seed}
    sources = []
    if sizes.polyps:
        amounts: dict[str, Any] = {
            "images": sizes.polyps,
            "unsegmented": sizes.unsegmented,
            "negatives": sizes.negatives,
        }
        sources.append(simulate_hyperkvasir(faults=chosen["hyperkvasir"], **amounts, **always))
    if sizes.instruments:
        faults = chosen["kvasir_instrument"]
        sources.append(simulate_kvasir_instrument(images=sizes.instruments, faults=faults, **always))
    if sizes.videos or wanted.counts is not None:
        sources.append(_simulate_videos(wanted, chosen["visem_tracking"]))
    return sources


def _simulate_videos(wanted: _Wanted, faults: Sequence[str]) -> Simulated:
    seed, sizes, counts = wanted.seed, wanted.sizes, wanted.counts
    videos = model_counts(seed, sizes.videos, sizes.frames) if counts is None else parse_counts_csv(counts)
    whole = counts is not None and sum(int(video.counts.sum()) for video in videos) == REAL_BOXES
    return simulate_visem_tracking(
        seed=seed,
        videos=videos,
        track_totals=TRACK_TOTALS if whole else None,
        images=sizes.images,
        video_files=sizes.video_files,
        faults=faults,
        further=wanted.further.tracks if wanted.further else None,
        shuffle_seed=wanted.shuffle_seed,
    )


def _clear(folder: Path) -> None:
    """Remove the output of earlier calls, and mark the folder as one for simulated sources."""
    written = [folder / part / name for part in FOLDERS.values() for name in FILES]
    there = [path for path in written if path.exists()]
    if there and not (folder / STAMP).exists():
        raise UsageError(f"{there[0]} was not simulated and would be overwritten. Choose another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    write_durably(folder / STAMP, b"{}")
    for path in there:
        path.unlink()


def _write_source(folder: Path, source: Simulated) -> dict[str, int]:
    """Write the archives and loose files of one source; return size in bytes by path below ``folder``."""
    target = folder / FOLDERS[source.source]
    target.mkdir(parents=True, exist_ok=True)
    archives: defaultdict[str, list[Member]] = defaultdict(list)
    for member in source.members:
        archives[member.archive].append(member)
    loose = archives.pop("", [])
    for member in loose:
        write_durably(target / member.name, member.content())
    for name, members in archives.items():
        _write_zip(target / name, members)
    names = sorted([*archives, *(member.name for member in loose)])
    return {f"{target.name}/{name}": (target / name).stat().st_size for name in names}


def _write_zip(path: Path, members: Sequence[Member]) -> None:
    """Write an uncompressed zip: pictures are already compressed, and the bytes do not depend on the zlib version."""
    partial = path.with_name(f"{path.name}.partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
        for member in members:
            entry = zipfile.ZipInfo(member.name, ZIP_DATE)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, member.content())
    sync(partial)
    os.replace(partial, path)
    sync(path.parent)


def _read_stamp(folder: Path, request: str) -> SimulatedSources | None:
    """Return the result of an earlier call with the same request, if all its files still exist."""
    try:
        stamp = orjson.loads((folder / STAMP).read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return None
    if stamp.get("request") != request:
        return None
    there = all((folder / name).is_file() and (folder / name).stat().st_size == n for name, n in stamp["files"].items())
    return _describe(folder, stamp) if there else None


def _describe(folder: Path, stamp: Mapping[str, Any]) -> SimulatedSources:
    paths = {source: folder / FOLDERS[source] for source in stamp["sources"]}
    return SimulatedSources(paths, tuple(Planted(**entry) for entry in stamp["planted"]))
