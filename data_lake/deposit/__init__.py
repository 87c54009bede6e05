"""Deposits: a release in a repository that assigns a DOI."""
