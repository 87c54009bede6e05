"""The pipeline held against the obvious Hugging Face way, on the same pictures, in the same run."""
