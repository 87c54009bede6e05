"""One module a stage: read tables, call the transform, say what was used."""
