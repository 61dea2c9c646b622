"""Asks a store for rows, over HTTP or out of a file, and ends what takes too long."""
