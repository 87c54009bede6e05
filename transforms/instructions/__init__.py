"""Instructions: write prompts and answers, and prove each answer independently."""
