"""What all formats share: listing members, joining names with pictures, geometry, safe parsing."""
