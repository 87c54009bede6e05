"""Sources: declarations, the readers they name, and what becomes a sample or is excluded with a reason."""
