"""Where things lie: the only code that touches disk and network."""
