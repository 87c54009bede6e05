"""Parse English sentences about pictures into claims, with a closed grammar."""
