"""The data directory: whose it is, who may read it, and the small files in it."""
