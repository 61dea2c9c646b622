"""Tests of charts, and of their colours."""
