"""Runs `clc-receiver` to its end."""

import subprocess
from pathlib import Path

from tests.support.prepared import run_program
from tests.support.processes import PROGRAM, environment
from tests.support.sizes import size

LONGEST = size(600, 3600)
"""Seconds: in full there are millions of rows, and the load does not stop for a backup of them."""


def command(*arguments: str) -> list[str]:
    """Write a command down."""
    return [*PROGRAM, *arguments]


def run_command(
    data_dir: Path, *arguments: str, program: tuple[str, ...] = PROGRAM, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run a command on a data directory, with no settings but these and the tests' key."""
    data_dir.mkdir(parents=True, exist_ok=True)
    env = environment(data_dir, **settings)
    if program == PROGRAM:
        return run_program("receiver", *arguments, env=env, cwd=data_dir, timeout=LONGEST)
    return subprocess.run(
        [*program, *arguments], env=env, cwd=data_dir, capture_output=True, text=True, check=False, timeout=LONGEST
    )
