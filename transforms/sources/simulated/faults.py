"""Names of the faults that can be planted, by source."""

from collections.abc import Iterable, Mapping

from medmultipoints.transforms.errors import UsageError
from medmultipoints.transforms.problems import meant
from medmultipoints.transforms.sources.simulated.frame_faults import FRAME_FAULTS
from medmultipoints.transforms.sources.simulated.hyperkvasir import CSV_BOM
from medmultipoints.transforms.sources.simulated.pair_faults import PAIR_FAULTS

FAULTS: Mapping[str, tuple[str, ...]] = {
    "hyperkvasir": (*PAIR_FAULTS, CSV_BOM),
    "kvasir_instrument": tuple(PAIR_FAULTS),
    "visem_tracking": tuple(FRAME_FAULTS),
}


def all_faults() -> tuple[str, ...]:
    """Return all distinct faults, in planting order."""
    return tuple(dict.fromkeys(name for names in FAULTS.values() for name in names))


def faults_of(source: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return the named faults that apply to the source. Raise UsageError for an unknown name."""
    wanted = set(names)
    known = all_faults()
    unknown = sorted(wanted - set(known))
    if unknown:
        raise UsageError(f"unknown fault '{unknown[0]}'; {meant(unknown[0], known)}.")
    return tuple(name for name in FAULTS[source] if name in wanted)
