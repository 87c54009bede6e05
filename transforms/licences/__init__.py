"""What licences of sources allow together. Pure: a table and a few rules."""
