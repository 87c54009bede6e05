"""Decisions of reviewers: entries, agreement, samples, differences in words; no disk, no clock."""
