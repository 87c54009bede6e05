"""One reader a source: its members become samples or are excluded with a reason."""
