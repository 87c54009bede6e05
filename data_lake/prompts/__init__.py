"""Names of objects and templates of prompts, from the files that come with the project."""
