"""Tests of the store and the spool."""
