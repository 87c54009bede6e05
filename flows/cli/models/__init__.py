"""Commands that score models and use their predictions and texts."""
