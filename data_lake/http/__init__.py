"""HTTP over verified TLS: requests, retries and partial reads."""
