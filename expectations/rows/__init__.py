"""Rules of rows: suites generated from the declared columns, and their validation."""
