"""Runs the audit rules and keeps their findings; each sender's rules are in its folder `rules`."""
