"""Write the files of a release."""
