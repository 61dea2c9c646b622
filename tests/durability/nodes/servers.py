"""Two servers of PostgreSQL, one the standby of the other, behind addresses that stay the same."""

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from random import Random

from tests.durability.nodes.relay import Relay
from tests.support.postgres import PostgreSQL, Standby
from tests.support.waiting import until

_STANDBY = "SELECT state, sync_state FROM pg_stat_replication"


class Pair:
    """The two servers; `url` names both, and PostgreSQL's library takes the one that takes writes."""

    def __init__(self, ends: ExitStack, random: Random) -> None:
        self._ends, self._random = ends, random
        self._relays = [self._end_with(Relay()) for _ in range(2)]
        addresses = ",".join(f"127.0.0.1:{relay.port}" for relay in self._relays)
        self.url = f"postgresql://clc@{addresses}/postgres?target_session_attrs=read-write&connect_timeout=2"
        self.primary = self._make(PostgreSQL)
        self._standby = self._make(lambda directory: Standby(directory, self.primary))
        self._aim()

    def restart(self, *, standby: bool) -> None:
        """Crash one of them, start it again, and wait until the standby follows."""
        server = self._standby if standby else self.primary
        server.stop()
        PostgreSQL.start(server)  # a standby that took its primary's place has none any more
        self.until_replicated()

    def fail_over(self) -> None:
        """Destroy the primary, let the standby take its place, and give that a standby of its own."""
        self.primary.destroy()
        self._standby.promote()
        until(lambda: self._standby.read("SELECT pg_is_in_recovery()") == [(False,)], what="the standby to take writes")
        self.primary = self._standby
        self._relays.reverse()
        self._aim()
        self._standby = self._make(lambda directory: Standby(directory, self.primary))
        self._aim()
        self.until_replicated()

    def cut(self) -> None:
        """Let nothing through from the machines to the servers, or back."""
        for relay in self._relays:
            relay.cut()

    def mend(self) -> None:
        """Let all through again; what was on its way arrives late, or breaks."""
        resume = self._random.random() < 0.5
        for relay in self._relays:
            relay.mend(resume=resume)

    def until_replicated(self) -> None:
        """Wait until the standby has all that the primary has committed."""
        until(lambda: self.primary.read(_STANDBY) == [("streaming", "sync")], what="the standby to follow")

    def _aim(self) -> None:
        servers = [self.primary, self._standby] if hasattr(self, "_standby") else [self.primary]
        for relay, server in zip(self._relays, servers, strict=False):
            relay.aim(server.port)

    def _make(self, kind):
        directory = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._ends.callback(shutil.rmtree, directory, ignore_errors=True)
        server = self._end_with(kind(directory), "stop")
        server.start()
        return server

    def _end_with(self, opened, how="close"):
        self._ends.callback(getattr(opened, how))
        return opened
