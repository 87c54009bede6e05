"""Stages that write the release."""
