"""Tests of the page Alerts."""
