"""Pure functions on bytes, arrays, frames and records: no disk, network, clock or Prefect."""
