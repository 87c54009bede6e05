"""The store: content-addressed objects, receipts, tables and run records of a lake."""
