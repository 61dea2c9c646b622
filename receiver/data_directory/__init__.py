"""The data directory: its lock, its permissions, and the small files in it."""
