"""A source that somebody points at: opened, recognised, shown."""
