"""Export: image files and trainers' formats made from a release."""
