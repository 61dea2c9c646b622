"""Tests of the simulator and the demo."""
