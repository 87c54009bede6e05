"""Rasters: values of mask files, planes of volumes, and pictures of formats other than JPEG and PNG."""
