"""Pictures: decoding, encoding and measuring pixels."""
