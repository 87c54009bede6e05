"""Burned-in text: glyph templates of known fonts, lines of other readers, what they say together. Pure."""
