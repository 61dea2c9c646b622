"""What the simulator writes to a terminal is left out where there is none."""

import sys

from receiver.simulator.terminal import Progress


def test_progress_needs_no_standard_error(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)  # as Python leaves it after `2>&-`
    with Progress("Writing", 2) as progress:
        progress.update(2)
