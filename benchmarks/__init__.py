"""Benchmark the pipeline against a plain Hugging Face script, on the same pictures, in the same run."""
