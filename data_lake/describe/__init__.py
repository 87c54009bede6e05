"""Descriptions by a language model behind an OpenAI-compatible address: what is sent, and what comes back."""
