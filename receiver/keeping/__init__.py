"""Keeps the promise: checks it, backs it up, restores it, and says how the receiver is."""
