"""Run stages, finish them, and record what happened."""
