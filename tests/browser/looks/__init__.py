"""Tests of how the pages look where room is short, and on paper."""
