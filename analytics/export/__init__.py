"""Turns rows into files and text: archives, CSV, Excel, Parquet, JSON lines, tables, `curl` commands."""
