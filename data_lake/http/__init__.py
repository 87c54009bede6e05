"""HTTP over verified TLS: requests, attempts, and files that are read in parts."""
