"""What a build would do: its sources, keys, place and first line."""
