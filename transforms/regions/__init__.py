"""Regions: objects found in masks, boxes and tracks."""
