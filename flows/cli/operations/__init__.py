"""Commands that serve flows and keep the lake in order."""
