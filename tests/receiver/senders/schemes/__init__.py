"""Tests of verification as data."""
