"""Tests of `verify` and `status`."""
