"""Prompts and answers, and the check that derives each answer again."""
