"""Masks, volumes and pictures of other formats: whole numbers, planes and gray levels."""
