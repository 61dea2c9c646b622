"""The second half of an upgrade: a new version's supervisor replaces the children of the old one."""

import asyncio
import logging
from collections.abc import Sequence

from receiver.errors import UpgradeError
from receiver.supervision.children import ChildProcess
from receiver.supervision.keeper import Keeper

_READY_SECONDS = 60.0
_STORE_SECONDS = 30.0

_log = logging.getLogger(__name__)


async def replace_all(listeners: Sequence[Keeper], store: Keeper) -> None:
    """Start new listeners beside the old, retire the old once all new ones are ready, and restart the store.

    Raises:
        UpgradeError: a new listener does not become ready, and the old ones stay; or the new store does not start.
    """
    starts = await asyncio.gather(
        *(keeper.start_successor(_READY_SECONDS) for keeper in listeners), return_exceptions=True
    )
    failed = [start for start in starts if isinstance(start, BaseException)]
    successors = [start for start in starts if isinstance(start, ChildProcess)]
    if failed:
        for successor in successors:
            successor.retire()
        raise failed[0]
    for keeper, successor in zip(listeners, successors, strict=True):
        keeper.succeed(successor)
    _log.info("the new listeners take notifications, the old ones finish what they have")
    try:
        await store.restart(_STORE_SECONDS)
    except UpgradeError as error:
        raise UpgradeError(f"{error} The new listeners take notifications, which wait in the spool.") from None
