"""The card of a release, README.md with its pictures, and croissant.json: all that describes the release in words."""
