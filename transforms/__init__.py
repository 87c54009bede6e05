"""Pure functions from bytes, arrays, frames and records to the same: no disk, network, clock or Prefect."""
