"""All that is planted for the audit, each under the name of the finding that it must become."""

from medmultipoints.data_lake.simulate import FurtherFaults
from tests.planted.pair_findings import PAIR_FINDINGS
from tests.planted.track_findings import TRACK_FINDINGS, plant_track_findings

FINDINGS = FurtherFaults(PAIR_FINDINGS, plant_track_findings)
FINDING_NAMES = (*PAIR_FINDINGS, *TRACK_FINDINGS)


def pair_findings(*names: str) -> FurtherFaults:
    """Only these findings of image and mask pairs."""
    return FurtherFaults({name: fault for name, fault in PAIR_FINDINGS.items() if name in names})
