"""Simulated sources: the three official layouts at any size, seeded, with known defects on demand.

Nothing here writes to disk: a source is a list of members whose bytes are made on demand.
``data_lake.simulate`` writes them as archives under the official names.
"""
