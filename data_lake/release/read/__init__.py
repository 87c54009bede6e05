"""Read and compare releases."""
