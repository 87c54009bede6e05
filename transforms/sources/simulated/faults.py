"""The names of all faults that can be planted, by source."""

from collections.abc import Iterable, Mapping

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.sources.simulated.frame_faults import FRAME_FAULTS
from medmultipoints.transforms.sources.simulated.hyperkvasir import CSV_BOM
from medmultipoints.transforms.sources.simulated.pair_faults import PAIR_FAULTS
from medmultipoints.transforms.sources.simulated.pair_findings import PAIR_FINDINGS
from medmultipoints.transforms.sources.simulated.track_findings import TRACK_FINDINGS

FAULTS: Mapping[str, tuple[str, ...]] = {
    "hyperkvasir": (*PAIR_FAULTS, CSV_BOM),
    "kvasir_instrument": tuple(PAIR_FAULTS),
    "visem_tracking": tuple(FRAME_FAULTS),
}

FINDINGS: Mapping[str, tuple[str, ...]] = {
    "hyperkvasir": tuple(PAIR_FINDINGS),
    "kvasir_instrument": tuple(PAIR_FINDINGS),
    "visem_tracking": tuple(TRACK_FINDINGS),
}
"""What is planted for the audit alone, under the names of its findings; no part of ``all_faults``."""


def all_findings() -> tuple[str, ...]:
    """Every planted finding once, in the order in which they are planted."""
    return tuple(dict.fromkeys(name for names in FINDINGS.values() for name in names))


def all_faults() -> tuple[str, ...]:
    """Every fault once, in the order in which they are planted."""
    return tuple(dict.fromkeys(name for names in FAULTS.values() for name in names))


def faults_of(source: str, names: Iterable[str]) -> tuple[str, ...]:
    """Those of the named faults and findings that the source knows, each once; UsageError for an unknown name."""
    wanted = set(names)
    known = (*all_faults(), *all_findings())
    unknown = sorted(wanted - set(known))
    if unknown:
        raise UsageError(f"unknown fault '{unknown[0]}'; there are {', '.join(known)}.")
    return tuple(name for name in (*FAULTS[source], *FINDINGS[source]) if name in wanted)
