"""Stages, one module each: read tables, call the transform, account for the inputs."""
