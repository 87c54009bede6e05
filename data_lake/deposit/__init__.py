"""Deposits: a release in an archive that gives it a DOI."""
