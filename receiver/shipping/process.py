"""The shipper's process: moves the rows of this machine's spool to the shared one, and notes how that goes."""

import asyncio
import logging
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from receiver.errors import SettingsError
from receiver.keeping.care import SharedSpool
from receiver.keeping.care.sharing import add_machines, write_sharing_note
from receiver.logs import describe
from receiver.processes.child import Child, run_child
from receiver.settings import Settings
from receiver.spool import Watermarks, write_shipped
from receiver.spool.looking import list_segment_paths
from receiver.spool.owners import list_former_spools, list_readable

if TYPE_CHECKING:
    from receiver.shared_spool import Membership, Shipper

_GIVES_WAY = 10
"""How much lower than the listener's its priority is (`nice`): a sender waits for the listener."""
_LAST_SECONDS = 5.0
_NOTE_SECONDS = 2.0

_log = logging.getLogger(__name__)


def main() -> None:
    """Run the shipper until it must end."""
    run_child(__doc__, _serve)


async def _serve(child: Child, settings: Settings) -> None:
    os.nice(_GIVES_WAY)
    if settings.shared_spool is None:
        raise SettingsError("CLC_SHARED_SPOOL is not set, and the shipper sends there.")
    from receiver.shared_spool import open_shipper  # noqa: PLC0415 - psycopg belongs to an extra

    shipper, membership = open_shipper(settings, settings.shared_spool, child.role, {})
    child.heed_signals()
    child.heart.add(shipper.part, shipper.pulse)
    shipper.start()
    notes = _Notes(settings, shipper, membership)
    noting = asyncio.create_task(notes.keep())
    _log.info("the shipper sends to the shared spool")
    await child.report_ready_and_wait()
    noting.cancel()
    # With a successor, end at once; when all stops, first send what the listeners have just acknowledged.
    await asyncio.to_thread(shipper.stop, _LAST_SECONDS if child.stopping.is_set() else 0.0)
    child.heart.remove(shipper.part)
    notes.note()
    _log.info("the shipper has ended")


class _Notes:
    """Notes now and then what the shipper knows, for `clc-receiver status`."""

    def __init__(self, settings: Settings, shipper: "Shipper", membership: "Membership") -> None:
        self._settings = settings
        self._shipper = shipper
        self._membership = membership
        self._since: datetime | None = None

    async def keep(self) -> None:
        """Note it every two seconds, until cancelled."""
        while True:
            try:
                await asyncio.to_thread(self.note)
            except Exception:  # noqa: BLE001 - without this task the status would never be new again
                _log.exception("how the shared spool is can't be noted by an error in this program")
            await asyncio.sleep(_NOTE_SECONDS)

    def note(self) -> None:
        """Note it now."""
        try:
            write_sharing_note(self._settings.data_dir, self._make_condition(), self._list_sent())
            write_shipped(self._settings.data_dir, self._shipper.shipped)
        except OSError as error:
            _log.warning("how the shared spool is can't be noted: %s", describe(error))

    def _list_sent(self) -> Watermarks | None:
        """Return how many rows of this machine's segments the shared spool holds; None if that is not known yet."""
        held = self._shipper.held
        if held is None:
            return None
        own = _list_segments(self._settings)
        return {(name, kind): at for (name, kind), at in held.items() if name in own}

    def _make_condition(self) -> SharedSpool:
        failure = self._shipper.failure
        self._since = (self._since or self._shipper.since or datetime.now(UTC)) if failure else None
        shared = SharedSpool(failure, self._since, 0, self._membership.obstacle)
        return add_machines(shared, self._membership.latest, self._membership.identity.node)


def _list_segments(settings: Settings) -> set[str]:
    spools = list_readable(settings, list_former_spools(settings))
    return {path.stem for directory in spools for path in list_segment_paths(directory)}


if __name__ == "__main__":
    main()
