"""The names of all faults that can be planted, by source."""

from collections.abc import Iterable, Mapping

from transforms.errors import UsageError
from transforms.sources.simulated.frame_faults import FRAME_FAULTS
from transforms.sources.simulated.hyperkvasir import CSV_BOM
from transforms.sources.simulated.pair_faults import PAIR_FAULTS

FAULTS: Mapping[str, tuple[str, ...]] = {
    "hyperkvasir": (*PAIR_FAULTS, CSV_BOM),
    "kvasir_instrument": tuple(PAIR_FAULTS),
    "visem_tracking": tuple(FRAME_FAULTS),
}


def all_faults() -> tuple[str, ...]:
    """Every fault once, in the order in which they are planted."""
    return tuple(dict.fromkeys(name for names in FAULTS.values() for name in names))


def faults_of(source: str, names: Iterable[str]) -> tuple[str, ...]:
    """Those of the named faults that the source knows, each once; UsageError for a name that no source knows."""
    wanted = set(names)
    unknown = sorted(wanted - set(all_faults()))
    if unknown:
        raise UsageError(f"unknown fault '{unknown[0]}'; there are {', '.join(all_faults())}.")
    return tuple(name for name in FAULTS[source] if name in wanted)
