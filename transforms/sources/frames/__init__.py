"""Frames of videos, with label files and track identities named after the frame."""
