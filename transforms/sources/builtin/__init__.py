"""The three built-in sources: HyperKvasir, Kvasir-Instrument and VISEM-Tracking."""

from typing import Final

BUILT_IN: Final = frozenset({"hyperkvasir", "kvasir_instrument", "visem_tracking"})
"""Their names: the published MedMultiPoints is made from them."""
