"""Reads the options of `clc-receiver simulate`: each is checked, and None where it is not given."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

import click

from receiver.senders import CENTURYLINK
from receiver.simulator import MADE_UP


def read_base_url(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    """Return a receiver's base URL, after a check that it is one."""
    if text is None:
        return None
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment:
        raise click.BadParameter(f"{text!r} is not a receiver's base URL such as http://127.0.0.1:8080.")
    return text


def read_event_type(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    """Return the event type of an event's name, in any letter case."""
    if text is None:
        return None
    event = CENTURYLINK.event_for_name(text)
    if event is None or event.event_type is None:
        names = ", ".join(str(event.event_type) for event in CENTURYLINK.events)
        raise click.BadParameter(f"{text!r} is not one of the ten events: {names}.")
    return event.event_type


def read_alias(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    """Return an account's alias, in upper case."""
    if text is None:
        return None
    try:
        return MADE_UP.read_account(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def read_time(_context: click.Context, _option: click.Parameter, text: str | None) -> float | None:
    """Return an ISO time in seconds since 1970; without a zone it is UTC."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not an ISO time such as 2015-09-22T14:38:27Z.") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
