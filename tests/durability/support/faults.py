"""Faults of the system that really happen: a small disk that fills up, calls that fail, too few descriptors."""

import contextlib
import errno
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.support.waiting import until

_CHUNK = 1024 * 1024


@contextlib.contextmanager
def mounted(directory: Path, *options: str) -> Iterator[Path]:
    """Mount a memory disk at a directory, made if need be, for the length of a block."""
    directory.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", ",".join(["mode=0755", *options]), "tmpfs", str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=False) if os.geteuid() == 0 else None
    if done is None or done.returncode != 0:
        pytest.skip(f"a memory disk can't be mounted here: {done.stderr.strip() if done else 'only root may'}")
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


def fill(disk: Path) -> Path:
    """Take all the room that is left on a disk; deleting the returned file gives it back."""
    ballast = disk / "ballast"
    for chunk in (_CHUNK, 4096, 1):
        with contextlib.suppress(OSError), ballast.open("ab", buffering=0) as file:
            while file.write(b"\0" * chunk) == chunk:
                pass
    return ballast


@contextlib.contextmanager
def failing(pid: int, calls: str, error: int, when: str = "1+") -> Iterator[None]:
    """Make system calls of a running process fail for the length of a block.

    Args:
        pid: the process; all its threads are meant.
        calls: names of system calls, separated by commas.
        error: what they fail with.
        when: which of them: `1+` for all, `3+` for those from the third on.
    """
    with _injected(pid, calls, f"error={errno.errorcode[error]}:when={when}"):
        yield


@contextlib.contextmanager
def slow(pid: int, calls: str, seconds: float) -> Iterator[None]:
    """Make system calls of a running process take so long for the length of a block."""
    with _injected(pid, calls, f"delay_exit={seconds * 1e6:.0f}"):
        yield


@contextlib.contextmanager
def _injected(pid: int, calls: str, fault: str) -> Iterator[None]:
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    command = ["strace", "-f", "-q", "-p", str(pid), "-o", "/dev/null"]
    command += ["-e", f"trace={calls}", "-e", f"inject={calls}:{fault}"]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: _is_traced(pid) or tracer.poll() is not None, what="strace")
        if tracer.poll() is not None:
            pytest.skip(f"strace may not attach here: {tracer.stderr.read().strip()}")
        yield
    finally:
        if tracer.poll() is None:
            tracer.send_signal(signal.SIGINT)
        tracer.wait(30)
        tracer.stderr.close()


def _is_traced(pid: int) -> bool:
    threads = list(Path(f"/proc/{pid}/task").iterdir())
    return all("TracerPid:\t0\n" not in (thread / "status").read_text() for thread in threads)


def resident_bytes(pid: int) -> int:
    """Say how much memory a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float:
    """Say how much processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def first_free_descriptor(pid: int) -> int:
    """Find the lowest number that no open descriptor of a process has: as a limit it allows none more."""
    used = {int(path.name) for path in Path(f"/proc/{pid}/fd").iterdir()}
    return next(number for number in count() if number not in used)
