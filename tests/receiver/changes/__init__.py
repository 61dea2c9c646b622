"""Tests of what differs between bodies, and of how that is derived and kept."""
