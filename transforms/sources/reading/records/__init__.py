"""Records in untrusted files: JSON, XML and tables, whole or streamed."""
