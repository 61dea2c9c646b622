"""Tests of the receiver, a folder for each of its rooms."""
