"""Run by a test where ``<folder>/lake`` is a small disk: a build that fills it, then one with more room."""

import json
import subprocess
import sys
from pathlib import Path

from data_lake.layout import Lake
from tests.faults.building import build, check_closed, check_nothing_released, released
from tests.faults.tiny_sources import POLYP_ZIP
from transforms.errors import PipelineError


def main(folder: Path) -> None:
    """Print what the first build said and what the second kept and released, as JSON."""
    sources = {"hyperkvasir": folder / "polyps"}
    assert (sources["hyperkvasir"] / POLYP_ZIP).is_file()
    told: dict[str, object] = {}
    try:
        build(folder, sources)
    except PipelineError as error:
        told = {"exit_code": error.exit_code, "message": str(error)}
    check_nothing_released(Lake(folder / "lake"))
    subprocess.run(["mount", "-o", "remount,size=16m", str(folder / "lake")], check=True)
    outcome = build(folder, sources)
    check_closed(outcome)
    kept = [stage.name for stage in outcome.stages if stage.kept]
    print(json.dumps(told | {"kept": kept, "released": sorted(released(outcome))}))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]))
