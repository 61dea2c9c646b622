"""Keeps refused notifications, because the sender never tries again, within a budget for each reason."""

import fcntl
import json
import logging
import math
import re
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tornado.httputil import HTTPHeaders

from receiver.admission import Refusal
from receiver.listener.exchange import Request
from receiver.listener.targets import is_of_profile
from receiver.notification import FIRST_SENDER, Rejection, make_id

BYTES_PER_HOUR = 8 * 1024 * 1024
"""The bytes per hour of notifications refused for one reason that all listeners together keep."""

BUDGET_FILE = "refused.json"
INTERNAL_ERROR = "internal_error"
"""The reason of a request that failed by an error in this program."""

_HOUR = 3600.0
_RESERVATIONS = 16
_BLOT = "SECRET"

_log = logging.getLogger(__name__)


class HourlyBudget:
    """Bytes that may be spent in an hour for each reason, so that refused bodies can't fill the disk.

    Each reason has bytes of its own, so unsigned bodies, which anybody can send, take no room from signed ones. One
    file in the data directory counts the bytes spent, so all listeners share it, and a restart or an upgrade renews
    nothing. A listener reserves a sixteenth at a time there, and spends that without a look at the file.

    Args:
        file: counts the bytes spent; made if need be. While it can't be used, a listener counts alone.
        limit: bytes an hour and reason.
        clock: seconds since 1970.
    """

    def __init__(self, file: Path, limit: int, clock: Callable[[], float] = time.time) -> None:
        self._file = file
        self._limit = limit
        self._clock = clock
        self._until = -math.inf
        self._reserved: dict[str, int] = {}
        self._most: dict[str, int] = {}
        """The rest of a reason's bytes, if it was too little before."""
        self._spent: dict[str, Any] = {}

    def spend(self, reason: str, amount: int) -> bool:
        """Spend an amount for a reason, and tell whether that much was left."""
        if not self._until - _HOUR <= self._clock() < self._until:
            self._begin_hour()
        left = self._reserved.get(reason, 0)
        if amount > left:
            if amount > self._most.get(reason, self._limit):
                return False
            left += self._reserve(reason, max(amount - left, self._limit // _RESERVATIONS))
        self._reserved[reason] = left
        if amount > left:
            if reason not in self._most:
                _log.warning("%s has used up this hour's %d bytes; no more of it is kept", reason, self._limit)
            self._most[reason] = left
            return False
        self._reserved[reason] -= amount
        return True

    def _begin_hour(self) -> None:
        self._reserved.clear()
        self._most.clear()
        self._until = self._clock() + _HOUR
        self._reserve("", 0)

    def _reserve(self, reason: str, amount: int) -> int:
        """Take an amount, or what is left, from the file's budget, and return it."""
        taken = None
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("a+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                file.seek(0)
                self._spent = _read(file.read()) or self._spent
                taken = self._take(reason, amount)
                file.seek(0)
                file.truncate()
                file.write(json.dumps(self._spent).encode())
        except OSError as error:
            _log.warning("%s can't be used (%s): what is refused is counted by each listener alone", self._file, error)
        return self._take(reason, amount) if taken is None else taken

    def _take(self, reason: str, amount: int) -> int:
        now = self._clock()
        since = self._spent.get("since", -math.inf)
        if not since <= now < since + _HOUR:
            # If the clock was set back, spent bytes stay spent.
            self._spent = {"since": now, "bytes": self._spent.get("bytes", {}) if since > now else {}}
        self._until = self._spent["since"] + _HOUR
        spent = self._spent["bytes"]
        before: int = spent.get(reason, 0)
        taken = max(0, min(amount, self._limit - before))
        if taken:
            spent[reason] = before + taken
        return taken


def _read(text: bytes) -> dict[str, Any]:
    """Parse a budget's file; an empty or damaged one counts as empty."""
    try:
        fields = json.loads(text)
        return {
            "since": float(fields["since"]),
            "bytes": {str(reason): int(count) for reason, count in fields["bytes"].items()},
        }
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}


class Rejections:
    """Makes the rows of `rejected`.

    Args:
        secrets: blotted out of paths and headers: CLC_URL_SECRET, and those of senders, any of which may be a token of
            a sender whose profile can't be used.
        token_headers: the headers, in lower case, in which senders send a secret itself: blotted out, too.
    """

    def __init__(self, secrets: Iterable[str], token_headers: frozenset[str]) -> None:
        # The longest first: a shorter one may be a part of it.
        self._secrets = sorted(secrets, key=len, reverse=True)
        self._token_headers = token_headers | {"authorization"}

    def make_row(self, request: Request, refusal: Refusal, received_at: datetime, source_ip: str | None) -> Rejection:
        """Make the row for a request that is refused."""
        row = self._make_row(request, refusal.code, received_at, source_ip, self._write_headers(request.headers))
        return row._replace(sender=refusal.sender, signature_detail=refusal.signature_detail)

    def make_failure_row(self, request: Request, received_at: datetime) -> Rejection:
        """Make the row for a request that failed by an error in this program.

        It uses as little code as possible that may have failed.
        """
        try:
            headers = self._write_headers(request.headers)
        except Exception:  # noqa: BLE001 - the headers may be what this program can't handle
            headers = "{}"
        return self._make_row(request, INTERNAL_ERROR, received_at, request.peer, headers)

    def _make_row(
        self, request: Request, reason: str, received_at: datetime, source_ip: str | None, headers: str
    ) -> Rejection:
        return Rejection(
            id=make_id(received_at),
            received_at=received_at,
            reason=reason,
            path=self._blot_secrets_out(request.target),
            source_ip=source_ip,
            headers=headers,
            body=request.body,
            sender=None if is_of_profile(request.target) else FIRST_SENDER,
            signature_detail=None,
        )

    def _write_headers(self, headers: Mapping[str, str]) -> str:
        blot = self._blot_secrets_out
        known = _join_by_name(headers)
        shown = {
            blot(name): _BLOT if name.lower() in self._token_headers else blot(value) for name, value in known.items()
        }
        return json.dumps(shown)

    def _blot_secrets_out(self, text: str) -> str:
        """Replace the secrets in a text, whichever of their characters are percent-encoded."""
        decoded = unquote(text)
        for secret in self._secrets:
            # Only a text with the secret is searched for its spellings: that takes a hundred times as long.
            if secret in text or secret in decoded:
                text = re.sub(_make_pattern(secret), _BLOT, text)
        return text


def _make_pattern(secret: str) -> str:
    """Make a regular expression of a secret's spellings: each character as it is, or percent-encoded."""
    encoded = (each.encode("utf-8", "surrogatepass").hex("%") for each in secret)
    return "".join(f"(?:{re.escape(each)}|(?i:%{code}))" for each, code in zip(secret, encoded, strict=True))


def _join_by_name(headers: Mapping[str, str]) -> dict[str, str]:
    """Spell names as is usual, and join the values of a repeated header with commas."""
    if isinstance(headers, HTTPHeaders):
        return {name: ", ".join(headers.get_list(name)) for name in headers}
    return {"-".join(map(str.capitalize, name.split("-"))): value for name, value in headers.items()}
