"""A release in which nothing is anywhere is as good as any other."""

import json
from pathlib import Path

import numpy as np

from medmultipoints.data_lake.release.read.show import describe_release
from tests.faults import building, tiny_sources


def test_a_release_without_objects_passes_verify_and_says_what_it_lacks(tmp_path: Path) -> None:
    """Its masks are empty and nothing is boxed: every record is a certain absence."""
    files = tiny_sources.make_instruments()
    empty = tiny_sources.png(np.zeros((tiny_sources.HEIGHT, tiny_sources.WIDTH), np.uint8))
    files |= {tiny_sources.instrument(stem, "masks"): empty for stem in tiny_sources.STEMS}
    size = {"height": tiny_sources.HEIGHT, "width": tiny_sources.WIDTH, "bbox": []}
    files[tiny_sources.INSTRUMENT_BOXES] = json.dumps(dict.fromkeys(tiny_sources.STEMS, size)).encode()
    for name, data in files.items():
        target = tmp_path / "source" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    outcome = building.build(tmp_path, {"kvasir_instrument": tmp_path / "source"})
    building.check_closed(outcome)
    assert set(outcome.table("records")["count"]) == {0}
    assert any("every answer was the same" in note for note in describe_release(outcome.release.path)["notes"])
