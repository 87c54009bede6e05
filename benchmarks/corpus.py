"""Make the simulated sources of the benchmark, once, and the same files unpacked for the baseline."""

import shutil
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from medmultipoints.data_lake.simulate import STAMP, SimulatedSizes, write_sources

SEED = 20261121


@dataclass(frozen=True, slots=True)
class Corpus:
    """The source folders by name, for the pipeline, and one folder of the same files unpacked, for the baseline."""

    sources: dict[str, Path]
    loose: Path


def make_corpus(folder: Path, *, polyps: int, videos: int, frames: int) -> Corpus:
    """Return the corpus of that size below ``folder``, made once: without faults, and without the mp4 of videos."""
    sizes = SimulatedSizes(polyps=polyps, instruments=0, videos=videos, frames=frames, video_files="none")
    simulated = write_sources(folder / "sources", seed=SEED, sizes=sizes)
    loose, mark = folder / "loose", folder / "loose.json"
    wanted = orjson.dumps([asdict(sizes), orjson.loads((folder / "sources" / STAMP).read_bytes())["request"]])
    if not mark.exists() or mark.read_bytes() != wanted:
        shutil.rmtree(loose, ignore_errors=True)
        for path in sorted((folder / "sources").rglob("*.zip")):
            with zipfile.ZipFile(path) as archive:
                archive.extractall(loose / path.stem)
        mark.write_bytes(wanted)
    return Corpus(simulated.paths, loose)
