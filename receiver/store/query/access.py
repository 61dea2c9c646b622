"""Decide who may ask: holders of a token, and how often wrong tokens are looked at."""

import hmac
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final

MOST_WRONG: Final = 20
"""How many wrong tokens an address may send in a window before it is told to wait."""
WINDOW_SECONDS: Final = 60.0
_MOST_ADDRESSES: Final = 1_000


def carries(headers: Mapping[str, str], *tokens: bytes) -> bool:
    """Tell whether a request's headers carry one of the tokens as their bearer token."""
    scheme, _, given = headers.get("Authorization", "").partition(" ")
    sent = given.strip().encode()
    return scheme.lower() == "bearer" and any(hmac.compare_digest(sent, token) for token in tokens)


class WrongTokens:
    """Counts the wrong tokens of each address; the right one is never kept out, whatever its address sent before.

    Args:
        now: gives seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        # When the window of each address ends, and how many wrong tokens came in it.
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def note(self, address: str) -> float | None:
        """Note a wrong token, and return how many seconds to wait; None while there are not too many."""
        now = self._now()
        ends, count = self._counts.pop(address, (0.0, 0))
        if ends <= now:
            ends, count = now + WINDOW_SECONDS, 0
        self._counts[address] = (ends, count + 1)
        if len(self._counts) > _MOST_ADDRESSES:
            self._counts.popitem(last=False)
        return ends - now if count >= MOST_WRONG else None
