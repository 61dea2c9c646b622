"""`clc-receiver simulate --sender`: the examples of a sender with a profile, or its made-up organization.

Examples are posted or archived, signed as if they were sent now: that tries a profile out.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from random import Random
from typing import NamedTuple
from urllib.parse import quote, unquote
from uuid import UUID, uuid4

import click
import orjson
import urllib3
from urllib3.exceptions import HTTPError

from receiver.errors import ProfileError, SecretError, SendError, SettingsError
from receiver.logs import make_visible
from receiver.senders.github.made_up import Event, found_organization, live_a_moment, plan_incidents
from receiver.senders.made_up import DAY, LEAST_WEIGHT, Calendar
from receiver.senders.profile import Example, Profile
from receiver.senders.request import BodyError, SignedRequest
from receiver.senders.schemes import Secret
from receiver.senders.set_up import load_profiles, name_variable, read_secrets
from receiver.settings import Settings, read_settings
from receiver.simulator.history import CHUNK, SOURCE_IP, Outgoing, as_time, write_lines
from receiver.simulator.options import Options
from receiver.simulator.posting import Poster, Seal, ask, schedule
from receiver.simulator.terminal import Progress

NAMES = ("github",)
"""The senders with a profile that have a made-up history."""
A_DAY = 400.0
"""The notifications of a usual day."""
_ACTS_A_DAY = A_DAY / 1.41
"""An act makes so many notifications on average."""
_DELIVERY_SECONDS = (0.3, 2.0)
_BETWEEN_SECONDS = 0.2
_ANSWER_SECONDS = 30.0


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
    return Outgoing(occurred_at, received_at, event.event_type, orjson.dumps(event.body))


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


class SignedExample(NamedTuple):
    """A request to post; `subject` names its example."""

    subject: str
    path: str
    headers: Mapping[str, str]
    body: bytes


def sign_examples(
    profile: Profile, secret: Secret | None, base_url: str, now: datetime, route: str = "/senders"
) -> list[SignedExample]:
    """Return the profile's examples that must be accepted, signed anew: none is sent if one of them can't be.

    Args:
        profile: of the sender.
        secret: signs; None where the sender signs nothing.
        base_url: the receiver's, for senders that sign the URL.
        now: the time of signing.
        route: the path before the sender's name.

    Raises:
        ProfileError: there is none, or one can't be read or signed anew: it has its signature in the body or lacks what
            is signed.
    """
    accepted = [example for example in profile.examples if example.row is not None]
    if not accepted:
        raise ProfileError(profile.path, "it has no example that must be accepted, so there is nothing to send")
    paths = [f"{route}/{profile.name}" + (f"/{quote(each.event)}" if each.event else "") for each in accepted]
    base = base_url.rstrip("/")
    return [_sign(profile, each, secret, base, path, now) for each, path in zip(accepted, paths, strict=True)]


def _sign(
    profile: Profile, example: Example, secret: Secret | None, base_url: str, path: str, now: datetime
) -> SignedExample:
    try:
        body = profile.scheme.renew_time(example.file.read_bytes(), now)
    except OSError as error:
        raise ProfileError(profile.path, f"its example {example.file.name} can't be read: {error.strerror}") from None
    headers = dict(example.headers)
    if secret is not None:
        request = SignedRequest("POST", base_url + path, headers, body)
        try:
            signed = profile.scheme.sign(request, secret, now, str(uuid4()))
        except ValueError as error:
            reason = str(error).removesuffix(".")
            raise ProfileError(
                profile.path, f"its example {example.file.name} can't be signed anew. {reason}"
            ) from None
        headers |= {name.lower(): text for name, text in signed.items()}
    return SignedExample(example.file.name, path, headers, body)


def play(options: Options, end: float) -> int:
    """Play the sender with a profile that the options name, and count the notifications that were not answered 200.

    Args:
        options: they name the sender, and say where to and how.
        end: when its history ends, in seconds since 1970.

    Raises:
        UsageError: the sender has no made-up history.
        SettingsError: there is no such sender, or its secret is not set.
        ProfileError: it has no example, or one that can't be read or signed anew.
        SendError: the receiver can't be reached.
        ArchiveError: the archive can't be written.
    """
    settings = read_settings()
    profile = _find_profile(settings, str(options.sender))
    has_history = options.days is not None or options.history_days is not None
    if has_history and profile.name not in NAMES:
        raise click.UsageError(
            f"{profile.title} has no made-up history, {', '.join(NAMES)} alone: "
            "leave --days and --history-days out to take its examples."
        )
    secret = _load_signing_secret(settings, profile)
    if options.archive:
        if has_history:
            _write_history(options.archive, options, profile, seal_as(profile, secret, ""), end)
        else:
            _write_examples(options.archive, profile, secret)
        return 0
    url = str(options.url).rstrip("/")
    route = f"/senders/{settings.url_secret}" if settings.url_secret else "/senders"
    if has_history:
        return _go_on(url, options, seal_as(profile, secret, url, route), end)
    return _post_examples(url, sign_examples(profile, secret, url, datetime.now(UTC), route))


def _find_profile(settings: Settings, name: str) -> Profile:
    profiles = load_profiles(settings)
    if name not in profiles:
        raise SettingsError(f"There is no sender {name!r} with a profile: name one of {', '.join(sorted(profiles))}.")
    return profiles[name]


def _load_signing_secret(settings: Settings, profile: Profile) -> Secret | None:
    """Return the first secret of a sender; None where it signs nothing."""
    if profile.scheme.proof == "none":
        return None
    source, text = next(iter(read_secrets(settings, profile.name)), (None, ""))
    if source is None:
        raise SettingsError(
            f"The secret of {profile.title} is not known here: set {name_variable(profile.name)} to the one that the "
            "receiver has."
        )
    try:
        return profile.scheme.load_signing_secret(text)
    except SecretError as error:
        raise SettingsError(f"{source} can't be used: {error}") from None


def _post_examples(url: str, examples: list[SignedExample]) -> int:
    """Post examples to a receiver, print each answer, and count those that are not 200."""
    refused = 0
    with urllib3.PoolManager(retries=False, timeout=_ANSWER_SECONDS) as pool:
        for example in examples:
            target = url + example.path
            try:
                answer = ask(pool, "POST", target, example.headers, example.body)
            except HTTPError as error:
                raise SendError(f"{target} can't be reached: {error}.") from None
            text = answer.body.decode("utf-8", "replace")
            click.echo(f"{answer.status}  {make_visible(f'{example.subject}  {text}')}")
            refused += answer.status != HTTPStatus.OK
    return refused


def _write_examples(path: Path, profile: Profile, secret: Secret | None) -> None:
    """Write the examples, without handshakes, as an archive."""
    now = datetime.now(UTC)
    examples = sign_examples(profile, secret, "", now)
    lines = [_write_archive_line(profile, each, now) for each in examples if not _is_handshake(profile, each)]
    written = write_lines(path, [lines], lambda _: None)
    click.echo(f"Wrote {written:,} notifications to {path}.", err=True)


def _is_handshake(profile: Profile, example: SignedExample) -> bool:
    try:
        body = profile.read_body(example.body)
    except BodyError as error:
        reason = error.detail.removesuffix(".")
        raise ProfileError(profile.path, f"its example {example.subject} can't be archived. {reason}") from None
    return profile.answer_handshake(example.headers, body) is not None


def _write_archive_line(profile: Profile, example: SignedExample, now: datetime) -> bytes:
    line = {
        "received_at": now.isoformat(),
        "sender": profile.name,
        "event": unquote(example.path.removeprefix(f"/senders/{profile.name}").lstrip("/")) or None,
        "source_ip": None,
        "headers": example.headers,
        "body": example.body.decode(),
    }
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def _write_history(path: Path, options: Options, profile: Profile, seal: Seal, end: float) -> None:
    days = options.days or 0
    history = OrganizationLife(options.seed).make_history(days, end)
    with Progress("Writing", round(days * A_DAY), quiet=options.quiet) as progress:
        chunks = iter(lambda: list(islice(history, CHUNK)), [])
        lines = ([_write_line(profile, outgoing, seal) for outgoing in chunk] for chunk in chunks)
        written = write_lines(path, lines, progress.update)
        progress.complete(written)
    click.echo(f"Wrote {written:,} notifications to {path}.", err=True)


def _go_on(url: str, options: Options, seal: Seal, end: float) -> int:
    # One at a time, so that a branch is created before somebody pushes to it.
    poster = Poster(url, seal, concurrency=1)
    poster.check()
    life = OrganizationLife(options.seed)
    if options.history_days:
        for _ in life.make_history(options.history_days, end):
            pass
    dues = schedule(options.rate, options.a_day, options.seed)
    with Progress("Sending", options.count, quiet=options.quiet) as progress:
        poster.send(life.live(time.time), dues, options.count, progress.update)
    click.echo(poster.tally.summarize(), err=True)
    return poster.tally.errors.total()
