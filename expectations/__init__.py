"""Expectations: generate suites from the declared columns and validate tables with them."""
