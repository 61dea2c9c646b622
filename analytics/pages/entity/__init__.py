"""The page Entity."""
