"""A test Hub for tests of publishing; not the Hugging Face Hub."""
