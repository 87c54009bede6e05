"""Duplicates: exact and near copies of pictures."""
