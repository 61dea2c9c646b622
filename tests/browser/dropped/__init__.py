"""Tests of the pages in a browser, on a store that has dropped months."""
