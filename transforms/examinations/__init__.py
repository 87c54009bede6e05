"""Examinations: pairs of pictures of one examination, proved by burned-in times or by the scene."""
