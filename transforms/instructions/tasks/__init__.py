"""The tasks: one module each, which ends in ``TASK``; what it asks and what it proves share no code."""
