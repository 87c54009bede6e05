"""The three built-in sources: HyperKvasir, Kvasir-Instrument and VISEM-Tracking."""
