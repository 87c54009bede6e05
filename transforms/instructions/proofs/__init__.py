"""Proofs: derive every answer from scenes alone, independently of the code that asked."""
