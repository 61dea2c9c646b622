"""A store at work in a process of its own, which is killed at a moment of its work."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.waiting import until


class StoreProcess:
    """Runs a script on a data directory.

    Args:
        script: gets the data directory as its argument, and prints words.
        data_dir: where what it prints is kept, too.
        begins: the word with which the work begins.
    """

    def __init__(self, script: str, data_dir: Path, begins: str) -> None:
        self._said_in = data_dir / "said"
        with self._said_in.open("w") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-c", script, str(data_dir)], stdin=subprocess.PIPE, stdout=said, text=True
            )
        self.until_said(begins)
        self._began = self._used()

    def said(self) -> list[str]:
        """Return the words that it has printed."""
        return self._said_in.read_text().split()

    def until_said(self, word: str) -> None:
        """Wait until it prints a word."""
        until(lambda: word in self.said(), what=word)

    def worked(self) -> float:
        """Return how many seconds of a processor it has used since its work began."""
        return self._used() - self._began

    def kill(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.stdin.close()
        assert self.process.wait(60) == -signal.SIGKILL

    def _used(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
