"""What is answered, proved from scenes alone: apart from the code that asked."""
