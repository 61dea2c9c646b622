"""Keeps what was refused, as the sender never tries again, within a budget."""

import json
import logging
import time
from collections.abc import Callable
from datetime import datetime

from tornado.httputil import HTTPHeaders

from receiver.ids import new_id
from receiver.listener.exchange import Request
from receiver.notification import Rejection

BYTES_PER_HOUR = 64 * 1024 * 1024
"""What all listeners together keep of refused notifications in an hour."""

_HOUR = 3600.0

_log = logging.getLogger(__name__)


class HourlyBudget:
    """Bytes that may be spent in an hour, so that refused bodies can't fill the spool while the store is away."""

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._left = limit
        self._since = clock()
        self._said = False

    def spend(self, amount: int) -> bool:
        """Spend an amount, or say no if it isn't there any more."""
        if self._clock() - self._since >= _HOUR:
            self._left, self._since, self._said = self._limit, self._clock(), False
        if amount > self._left:
            if not self._said:
                _log.warning("refused notifications have used up this hour's %d bytes; no more are kept", self._limit)
            self._said = True
            return False
        self._left -= amount
        return True


def rejection(request: Request, reason: str, received_at: datetime, source_ip: str | None) -> Rejection:
    """Make the row of `rejected` for a request."""
    return Rejection(
        id=new_id(received_at),
        received_at=received_at,
        reason=reason,
        path=request.target,
        source_ip=source_ip,
        headers=json.dumps(_by_name(request.headers)),
        body=request.body,
    )


def _by_name(headers: HTTPHeaders) -> dict[str, str]:
    """Join the values of a repeated header with commas."""
    return {name: ", ".join(headers.get_list(name)) for name in headers}
