"""`clc-receiver simulate --sender`: the examples of a sender with a profile, or its made-up organization.

Examples are posted or archived, signed as if they were sent now: that tries a profile out.
"""

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from random import Random
from typing import NamedTuple
from urllib.parse import quote, unquote
from uuid import uuid4

import click
import orjson
import urllib3
from urllib3.exceptions import HTTPError

from receiver.errors import ProfileError, SecretError, SendError, SettingsError
from receiver.logs import make_visible
from receiver.senders.made_up import find_rate
from receiver.senders.profile import Example, Profile
from receiver.senders.request import BodyError, SignedRequest
from receiver.senders.schemes import Secret
from receiver.senders.set_up import load_profiles, name_variable, read_secrets
from receiver.settings import Settings, read_settings
from receiver.simulator.history import write_lines
from receiver.simulator.organization import A_DAY, NAMES, OrganizationLife, seal_as, write_lines_of
from receiver.simulator.posting import Poster, schedule_at_changing_rate, schedule_at_rate
from receiver.simulator.terminal import Progress

_ANSWER_SECONDS = 30.0


class SignedExample(NamedTuple):
    """A request to post; `subject` names its example."""

    subject: str
    path: str
    headers: Mapping[str, str]
    body: bytes


def sign_examples(
    profile: Profile, secret: Secret | None, base_url: str, now: datetime, route: str = "/senders"
) -> Iterator[SignedExample]:
    """Yield the profile's examples that must be accepted, signed anew.

    Args:
        profile: of the sender.
        secret: signs; None where the sender signs nothing.
        base_url: the receiver's, for senders that sign the URL.
        now: the time of signing.
        route: the path before the sender's name.

    Raises:
        ProfileError: there is none, or one can't be signed anew: it has its signature in the body or lacks what is
            signed.
    """
    accepted = [example for example in profile.examples if example.row is not None]
    if not accepted:
        raise ProfileError(profile.path, "it has no example that must be accepted, so there is nothing to send")
    for example in accepted:
        path = f"{route}/{profile.name}" + (f"/{quote(example.event)}" if example.event else "")
        yield _sign(profile, example, secret, base_url.rstrip("/"), path, now)


def _sign(
    profile: Profile, example: Example, secret: Secret | None, base_url: str, path: str, now: datetime
) -> SignedExample:
    body = example.file.read_bytes()
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


class ExampleAnswer(NamedTuple):
    """The receiver's answer to an example: its status, and its text."""

    example: SignedExample
    status: int
    text: str


def post_examples(settings: Settings, name: str, base_url: str, now: datetime) -> Iterator[ExampleAnswer]:
    """Post the examples of a sender to a receiver, and yield each answer.

    Args:
        settings: they have the sender's secret.
        name: of the sender.
        base_url: the receiver's.
        now: the time of signing.

    Raises:
        SettingsError: there is no such sender, or its secret is not set.
        SendError: the receiver can't be reached.
    """
    profile = find_profile(settings, name)
    secret = load_signing_secret(settings, profile)
    with urllib3.PoolManager(retries=False, timeout=_ANSWER_SECONDS) as pool:
        for example in sign_examples(profile, secret, base_url, now, find_route(settings)):
            url = base_url.rstrip("/") + example.path
            try:
                answer = pool.request("POST", url, body=example.body, headers=example.headers)
            except HTTPError as error:
                raise SendError(f"{url} can't be reached: {error}.") from None
            yield ExampleAnswer(example, answer.status, answer.data.decode("utf-8", "replace"))


def archive_examples(settings: Settings, name: str, now: datetime) -> Iterator[bytes]:
    """Yield the examples of a sender, without handshakes, as lines of an archive.

    Raises:
        SettingsError: there is no such sender, or its secret is not set.
    """
    profile = find_profile(settings, name)
    for example in sign_examples(profile, load_signing_secret(settings, profile), "", now):
        if not _is_handshake(profile, example):
            yield _write_archive_line(profile, example, now)


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


def find_profile(settings: Settings, name: str) -> Profile:
    """Return the profile of a sender.

    Raises:
        SettingsError: there is none of that name.
    """
    profiles = load_profiles(settings)
    if name not in profiles:
        raise SettingsError(f"There is no sender {name!r} with a profile: name one of {', '.join(sorted(profiles))}.")
    return profiles[name]


def find_route(settings: Settings) -> str:
    """Return the path before the name of a sender, with the secret of CLC_URL_SECRET if there is one."""
    return f"/senders/{settings.url_secret}" if settings.url_secret else "/senders"


def load_signing_secret(settings: Settings, profile: Profile) -> Secret | None:
    """Return the first secret of a sender; None where it signs nothing.

    Raises:
        SettingsError: the secret is not set, or can't be used.
    """
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


class Play(NamedTuple):
    """What to play: the sender, where to, and the time that passes; the names are those of the options."""

    sender: str
    url: str | None
    archive: Path | None
    seed: int
    days: float | None
    history_days: float | None
    end: float
    most: int | None
    rate: float
    a_day: float | None
    quiet: bool


def play(wanted: Play) -> int:
    """Play a sender with a profile, and return the number of notifications that were not answered 200.

    Raises:
        UsageError: the sender has no made-up history.
        SettingsError: there is no such sender, or its secret is not set.
        SendError: the receiver can't be reached.
        ArchiveError: the archive can't be written.
    """
    if wanted.days is None and wanted.history_days is None:
        return _archive_examples(wanted, wanted.archive) if wanted.archive else _post_examples(wanted)
    settings = read_settings()
    profile = find_profile(settings, wanted.sender)
    if profile.name not in NAMES:
        raise click.UsageError(
            f"{profile.title} has no made-up history, {', '.join(NAMES)} alone: "
            "leave --days and --history-days out to take its examples."
        )
    return _write(wanted, settings) if wanted.archive else _go_on(wanted, settings)


def _post_examples(wanted: Play) -> int:
    refused = 0
    for example, status, text in post_examples(read_settings(), wanted.sender, str(wanted.url), datetime.now(UTC)):
        click.echo(f"{status}  {make_visible(f'{example.subject}  {text}')}")
        refused += status != HTTPStatus.OK
    return refused


def _archive_examples(wanted: Play, path: Path) -> int:
    written = write_lines(
        path, [list(archive_examples(read_settings(), wanted.sender, datetime.now(UTC)))], lambda _: None
    )
    click.echo(f"Wrote {written:,} notifications to {path}.", err=True)
    return 0


def _write(wanted: Play, settings: Settings) -> int:
    profile = find_profile(settings, wanted.sender)
    seal = seal_as(profile, load_signing_secret(settings, profile), "")
    days = wanted.days or 0
    history = OrganizationLife(wanted.seed).make_history(days, wanted.end)
    with Progress("Writing", round(days * A_DAY), quiet=wanted.quiet) as progress:
        written = write_lines(Path(str(wanted.archive)), write_lines_of(history, profile, seal), progress.update)
        progress.complete(written)
    click.echo(f"Wrote {written:,} notifications to {wanted.archive}.", err=True)
    return 0


def _go_on(wanted: Play, settings: Settings) -> int:
    profile, url = find_profile(settings, wanted.sender), str(wanted.url).rstrip("/")
    seal = seal_as(profile, load_signing_secret(settings, profile), url, find_route(settings))
    # One at a time, so that a branch is created before somebody pushes to it.
    poster = Poster(url, seal, concurrency=1)
    poster.check()
    life = OrganizationLife(wanted.seed)
    if wanted.history_days:
        for _ in life.make_history(wanted.history_days, wanted.end):
            pass
    a_day, rng = wanted.a_day, Random(wanted.seed)
    dues = schedule_at_changing_rate(lambda at: find_rate(at, a_day), rng) if a_day else schedule_at_rate(wanted.rate)
    with Progress("Sending", wanted.most, quiet=wanted.quiet) as progress:
        poster.send(life.live(time.time), dues, wanted.most, progress.update)
    click.echo(poster.tally.summarize(), err=True)
    return poster.tally.errors.total()
