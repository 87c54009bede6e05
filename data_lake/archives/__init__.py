"""Archives: the files of a source, read in place from folders, zip and tar files."""
