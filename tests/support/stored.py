"""Makes a DuckDB file of notifications, by the receiver's own classification, spool and appender."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from receiver.admission import Admission, AllowedAccounts, Refusal
from receiver.senders.centurylink.events import event_for_name
from receiver.senders.centurylink.signature import load_public_key
from receiver.spool import SpoolReader, SpoolWriter
from receiver.store.appending.appender import Appender
from tests.support.database import open_database
from tests.support.keys import in_lower_case, key_directory, signed


class Received(NamedTuple):
    """A notification as it reaches the receiver; `event` is a name, or a category where the action is open."""

    event: str
    received_at: datetime
    body: str


def received_in(example) -> list[Received]:
    """Return what is received in an example of a rule, in order of receipt."""
    received = [Received(*each) for group in example.notifications for each in group.each()]
    return sorted(received, key=lambda one: one.received_at)


def store_of(directory: Path, received: Iterable[Received]) -> Path:
    """Take notifications in, in this order, signed, and return the file, which nobody writes any more."""
    accounts = AllowedAccounts(None, directory / "accounts.sqlite")
    admission = Admission(load_public_key(key_directory() / "public.pem"), "record", accounts)
    spool = SpoolWriter(directory / "spool")
    file = directory / "clc.duckdb"
    store = open_database(file)
    try:
        spool.append_all([_admitted(admission, *each) for each in received])
        appender = Appender(store.cursor(), SpoolReader(directory / "spool"), directory, duplicate_window_seconds=10)
        while appender.append_new():
            pass
        appender.checkpoint()
    finally:
        spool.close()
        store.close()
        accounts.close()
    return file


def _admitted(admission, event, received_at, body):
    headers = in_lower_case(signed(body.encode()))
    decision = admission.decide(event_for_name(event), body.encode(), headers, received_at, None)
    assert not isinstance(decision, Refusal), decision
    return decision
