"""Sign: provenance and signature of a release."""
