"""Tests of what the client sends, whatever the location is."""
