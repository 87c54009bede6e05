"""One release in the formats of trainers and tools, each with its inverse; no I/O."""
