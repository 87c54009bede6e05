"""Data lake: all code that reads or writes files and the network."""
