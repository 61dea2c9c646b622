"""Tests of the SQL page in a browser."""
