"""Commands that show findings and rejected inputs, and take decisions."""
