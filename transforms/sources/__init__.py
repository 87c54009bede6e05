"""Sources: declarations and readers that turn members into samples or exclusions."""
