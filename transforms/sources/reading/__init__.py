"""Building blocks of readers: listing members, joining names with pictures, shapes, proposals."""
