"""Questions about scenes, one module per kind."""
