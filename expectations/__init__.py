"""What must hold: columns declared once, suites made from them, verdicts with row ids."""
