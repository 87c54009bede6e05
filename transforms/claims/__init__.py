"""Claims: parse sentences about a picture and judge them against its measured facts."""
