"""Tests of rows that are put side by side."""
