"""Tests of the pages in a browser, with other senders."""
