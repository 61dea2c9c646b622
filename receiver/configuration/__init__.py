"""Reads and checks what settings are written in: the file `.env`, and values that have a form of their own."""
