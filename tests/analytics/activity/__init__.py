"""Tests of the page Activity."""
