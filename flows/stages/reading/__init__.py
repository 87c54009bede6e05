"""Stages that read the sources: samples, images, regions, text, keypoints."""
