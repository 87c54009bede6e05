"""What the project must show, one module each; ``make accept`` runs them as tests and writes their figures."""
