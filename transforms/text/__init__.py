"""Burned-in text: reading with glyph templates, combining with OCR, redaction."""
