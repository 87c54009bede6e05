"""Each planted fault is found by the readers and the derivation, under the reason that the simulation promises."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from medmultipoints.data_lake.archives.source_files import SourceFiles, open_source
from medmultipoints.data_lake.simulate import SimulatedSizes, SimulatedSources, write_sources
from medmultipoints.transforms.records import Exclusion, Indexed
from medmultipoints.transforms.regions.derive import Derived, DeriveParameters, derive_sample
from medmultipoints.transforms.regions.tracks import inconsistent_tracks
from medmultipoints.transforms.sources.simulated.faults import all_faults
from tests.catalogue_readers import read_described

SIZES = SimulatedSizes(polyps=28, instruments=28)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> SimulatedSources:
    return write_sources(tmp_path_factory.mktemp("sources"), seed=7, sizes=SIZES, faults=all_faults())


def _index(source: str, files: SourceFiles) -> Indexed:
    options = {"seed": 1} if source == "visem_tracking" else {}
    return read_described(source, files, **options)


def _reasons(source: str, files: SourceFiles) -> Iterator[tuple[str, str]]:
    """Stem and reason of everything that is not used."""
    indexed = _index(source, files)
    parameters = DeriveParameters(classes=("normal", "cluster", "pinhead"))
    outcomes = [derive_sample(sample, files.read, parameters) for sample in indexed.samples]
    rejected = [outcome for outcome in outcomes if isinstance(outcome, Exclusion)]
    frames = {outcome.image.sample_id: outcome.tracked for outcome in outcomes if isinstance(outcome, Derived)}
    for row in (*indexed.exclusions, *rejected):
        yield (row.sample_id or row.key.rpartition("#")[2]).rpartition("/")[2], row.reason
    for sample_id in inconsistent_tracks(frames):
        yield sample_id.rpartition("/")[2], "track_class_changes"


@pytest.mark.parametrize("source", ["hyperkvasir", "kvasir_instrument", "visem_tracking"])
def test_exactly_the_planted_faults_are_rejected(source: str, simulated: SimulatedSources, tmp_path: Path) -> None:
    planted = [entry for entry in simulated.planted if entry.source == source]
    found = set(_reasons(source, open_source(source, simulated.paths[source], tmp_path)))
    assert found == {(entry.stem, entry.reason) for entry in planted if entry.reason is not None}


@pytest.mark.parametrize("source", ["hyperkvasir", "kvasir_instrument", "visem_tracking"])
def test_planted_members_are_named_as_readers_see_them(
    source: str, simulated: SimulatedSources, tmp_path: Path
) -> None:
    names = set(open_source(source, simulated.paths[source], tmp_path).names())
    planted = [entry for entry in simulated.planted if entry.source == source and entry.kind != "label_files_missing"]
    assert {entry.member.partition("#")[0] for entry in planted} <= names
