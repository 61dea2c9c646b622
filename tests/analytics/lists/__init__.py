"""Tests of the lists of pages."""
