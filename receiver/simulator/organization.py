"""Plays GitHub: the made-up organization's notifications, signed as its profile says, in an archive or live."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from random import Random
from uuid import UUID

import orjson

from receiver.senders.github.made_up import Event, found_organization, live_a_moment, plan_incidents
from receiver.senders.made_up import DAY, LEAST_WEIGHT, Calendar
from receiver.senders.profile import Profile
from receiver.senders.request import SignedRequest
from receiver.senders.schemes import Secret
from receiver.simulator.history import CHUNK, SOURCE_IP, Outgoing, as_time
from receiver.simulator.posting import Seal

NAMES = ("github",)
"""The senders with a profile that have a made-up history."""
A_DAY = 400.0
"""The notifications of a usual day."""
_ACTS_A_DAY = A_DAY / 1.41
"""An act makes so many notifications on average."""
_DELIVERY_SECONDS = (0.3, 2.0)
_BETWEEN_SECONDS = 0.2


class OrganizationLife:
    """The life of a seed's organization, in the past and on from there. The same seed gives the same at other times."""

    def __init__(self, seed: int) -> None:
        """Found the organization of a seed."""
        self._seed = seed
        self._world = found_organization(seed)

    def make_history(self, days: float, end: float) -> Iterator[Outgoing]:
        """Yield the notifications of the days up to `end` in order of receipt."""
        delivery = Random(f"{self._seed}/github/delivery")
        received = 0.0
        for at, events in self._make_acts(days, end):
            for number, event in enumerate(events):
                received = max(received, at + number * _BETWEEN_SECONDS + delivery.uniform(*_DELIVERY_SECONDS))
                yield _make_outgoing(event, at, min(received, end))

    def live(self, now: Callable[[], float]) -> Iterator[list[Outgoing]]:
        """Yield everyday life for ever, the notifications of an act together, with the time of the call."""
        while True:
            present = now()
            yield [_make_outgoing(event, present, present) for event in live_a_moment(self._world, present)]

    def _make_acts(self, days: float, end: float) -> Iterator[tuple[float, list[Event]]]:
        """Yield the time and the notifications of each act, in order: everyday life, and the incidents in it."""
        start = end - days * DAY
        calendar = Calendar(Random(f"{self._seed}/github/calendar"), start, end, LEAST_WEIGHT)
        incidents = plan_incidents(start, end)
        count = max(1, round(days * _ACTS_A_DAY))
        jitter = Random(f"{self._seed}/github/jitter")
        for number in range(count):
            at = calendar.find_time((number + jitter.random()) / count)
            while incidents and incidents[0].at <= at:
                planned = incidents.pop(0)
                yield planned.at, planned.act(self._world, planned.at)
            yield at, live_a_moment(self._world, at)


def _make_outgoing(event: Event, occurred_at: float, received_at: float) -> Outgoing:
    return Outgoing(occurred_at, received_at, event.event_type, orjson.dumps(event.body), is_copy=False)


def seal_as(profile: Profile, secret: Secret | None, url: str, route: str = "/senders") -> Seal:
    """Return the seal of a sender's secret.

    Args:
        profile: of the sender.
        secret: signs; None where the sender signs nothing.
        url: the receiver's base URL, for senders that sign it.
        route: the path before the sender's name.
    """

    def seal(outgoing: Outgoing) -> tuple[str, Mapping[str, str]]:
        path = f"{route}/{profile.name}"
        headers = {"content-type": "application/json", "x-github-event": outgoing.event_type.partition(".")[0]}
        if secret is not None:
            request = SignedRequest("POST", f"{url}{path}", headers, outgoing.body)
            signed_at = datetime.fromtimestamp(outgoing.received_at, UTC)
            headers |= profile.scheme.sign(request, secret, signed_at, str(_make_delivery_id(outgoing)))
        return path, headers

    return seal


def _make_delivery_id(outgoing: Outgoing) -> UUID:
    text = f"{outgoing.received_at} {outgoing.event_type} ".encode() + outgoing.body
    return UUID(bytes=hashlib.sha256(text).digest()[:16], version=4)


def write_lines_of(history: Iterator[Outgoing], profile: Profile, seal: Seal) -> Iterator[list[bytes]]:
    """Yield the lines of an archive of a sender's notifications, some at a time."""
    while chunk := list(islice(history, CHUNK)):
        yield [_write_line(profile, outgoing, seal) for outgoing in chunk]


def _write_line(profile: Profile, outgoing: Outgoing, seal: Seal) -> bytes:
    _, headers = seal(outgoing)
    line = {
        "received_at": as_time(outgoing.received_at),
        "sender": profile.name,
        "source_ip": SOURCE_IP,
        "headers": headers,
        "body": outgoing.body.decode(),
    }
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
