"""Stages that compose what is released: records, predictions, instructions, descriptions."""
