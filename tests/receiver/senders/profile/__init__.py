"""Tests of profiles: a sender as a file."""
