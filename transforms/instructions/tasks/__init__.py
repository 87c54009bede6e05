"""The tasks, one module each, which ends in ``TASK``; its questions and proofs share no code."""
