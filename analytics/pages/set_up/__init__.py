"""The page Set up."""
