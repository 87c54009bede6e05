"""The desk: review what the audit found, and write what was decided into the recipe's corrections."""
