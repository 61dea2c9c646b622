"""The parts of `serve`: its children, what becomes of them, and how it hands over to another version of itself."""
