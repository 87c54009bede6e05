"""Reporting: choose examples, and compute histograms and timelines for reports; no pages are written here."""
