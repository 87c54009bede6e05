"""Report a release or a difference as one self-contained HTML page."""
