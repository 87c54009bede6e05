"""Mask and volume files: choosing them, joining them with pictures, and the meaning of their values."""
