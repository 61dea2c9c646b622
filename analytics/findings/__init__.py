"""Runs the audit rules and keeps what they find; the rules lie in the folder `rules` of their sender."""
