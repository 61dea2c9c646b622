"""Runs `clc-receiver` to its end."""

import subprocess
import sys
from pathlib import Path

from tests.processes import environment


def command(*arguments: str) -> list[str]:
    """Write a command down."""
    return [sys.executable, "-m", "receiver", *arguments]


def run_command(data_dir: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command on a data directory, with no settings but these and the tests' key."""
    data_dir.mkdir(parents=True, exist_ok=True)
    return subprocess.run(
        command(*arguments),
        env=environment(data_dir, **settings),
        cwd=data_dir,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
