"""Generators of the committed pages, and the release procedure; no part of the wheel."""
