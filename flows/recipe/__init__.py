"""Recipe: what a build is asked to make."""
