"""The review desk: show the audit's findings, and write decisions to the recipe's corrections."""
