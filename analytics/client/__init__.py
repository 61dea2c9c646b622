"""Asks a store for rows, over HTTP or from a file, and ends queries that take too long."""
