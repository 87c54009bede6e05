"""What is asked about scenes, one module a kind of question."""
