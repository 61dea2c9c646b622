"""Shared by the processes of `serve`: how they begin, how they show that they work, and their noted state."""
