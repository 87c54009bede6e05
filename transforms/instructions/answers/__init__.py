"""Answers: the fenced JSON of every answer, its shape, and the byte-exact form of the published ones."""
