"""Tests of `serve`: its children, their heartbeats, hand-over."""
