"""Every finding that can be planted is found under its name where it was planted."""

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from medmultipoints.data_lake.simulate import SimulatedSizes, write_sources
from medmultipoints.flows.engine.running.run import inputs_of
from medmultipoints.flows.stages.choosing import audit
from medmultipoints.transforms.sources.simulated.faults import all_faults
from tests.flows.small_builds import build, write_recipe
from tests.planted.findings import FINDING_NAMES, FINDINGS

SIZES = SimulatedSizes(polyps=30, instruments=0, videos=3, frames=70, unsegmented=0)
CHANGES = (("[sources.kvasir_instrument]\n", ""),)


def test_what_is_planted_is_found(tmp_path: Path) -> None:
    """And is no part of what the demo plants."""
    sources = write_sources(tmp_path / "sources", seed=4, sizes=SIZES, further=FINDINGS)
    given = {name: str(path) for name, path in sources.paths.items()}
    findings = build(write_recipe(tmp_path / "small.toml", *CHANGES), tmp_path / "lake", given).table("disagreements")
    wanted = {(entry.kind, entry.source) for entry in sources.planted} - {("hand_drawn", "visem_tracking")}
    assert wanted <= set(findings.select("kind", "source").rows())
    stills = {(entry.kind, entry.stem) for entry in sources.planted if entry.source == "hyperkvasir"}
    copies = findings.filter(kind="contradicting_copies").select("kind", pl.col("detail").str.extract("/([^ ]+)"))
    assert stills <= {*findings.select("kind", "stem").rows(), *copies.rows()}
    assert {entry.kind for entry in sources.planted} == set(FINDING_NAMES)
    assert not set(all_faults()) & set(FINDING_NAMES)


def test_findings_are_the_same_in_any_number_of_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole videos stay together, and the first shard has what is about pictures that are not kept."""
    sources = write_sources(tmp_path / "sources", seed=4, sizes=SIZES, further=FINDINGS)
    given = {name: str(path) for name, path in sources.paths.items()}
    built = build(write_recipe(tmp_path / "small.toml", *CHANGES), tmp_path / "lake", given)
    monkeypatch.setattr(audit, "IMAGES_PER_SHARD", 20)
    inputs = inputs_of(built.build, audit.STAGE, {stage.name: stage.receipt for stage in built.stages})
    shards = audit.audit_shards(built.build, inputs)
    parts = [audit.audit_labels(built.build, inputs, shard) for shard in shards]
    assert len(shards) > 5
    assert sum(len(part.inputs) for part in parts) == inputs.counts["dedup"]["used"]
    found = pl.concat([pl.DataFrame(part.tables["disagreements"]) for part in parts]).sort("finding_id")
    assert_frame_equal(found, built.table("disagreements"))
