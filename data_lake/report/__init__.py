"""A release or a difference as one HTML page that needs nothing else."""
