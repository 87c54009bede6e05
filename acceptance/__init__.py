"""What the project must show, one script each: ``python -m acceptance`` runs them and writes their figures."""
