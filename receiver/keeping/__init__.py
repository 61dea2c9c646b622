"""Keeps the promise: checks, backs up and restores what is stored, and reports the receiver's status."""
