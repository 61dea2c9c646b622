"""Checks stored notifications a part at a time: in this process, or in one process for each core."""
