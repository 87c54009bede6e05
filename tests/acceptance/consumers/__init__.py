"""Programs that read an export with a real consumer, each in an environment of its own; none imports the project.

Each prints one JSON line an object: the path of the picture below the export, the name, and the numbers in pixels
as that consumer understands them, corners half-open from 0.
"""
