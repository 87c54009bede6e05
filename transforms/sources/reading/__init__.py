"""What readers share: listing members, joining names with pictures, shapes, what a recogniser proposes."""
