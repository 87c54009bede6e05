"""Recipe: the definition of a release."""
