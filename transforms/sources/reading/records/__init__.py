"""Records: reading JSON, XML and tables from untrusted files, at once or streamed."""
