"""The Prefect servers that builds and ``serve`` start for themselves."""
