"""Serves the dashboard: its first HTML, and the check of requests."""
