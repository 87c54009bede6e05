"""Descriptions by a language model behind an OpenAI-compatible address: requests and replies."""
