"""Simulated sources: the three official layouts at any size, seeded, with every known defect on demand.

Nothing here touches a disk: a source is a list of members whose bytes are made when they are asked for.
``data_lake.simulate`` writes them as archives under the official names.
"""
