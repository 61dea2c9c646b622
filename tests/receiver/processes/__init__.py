"""Processes: their heartbeat, and the parts of a command."""
