"""Open, recognise and show a source from the user."""
