"""Claims: what sentences about a picture say, judged against what is measured in it."""
