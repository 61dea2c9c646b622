"""Stores and spools made without a running `serve`, of notifications that were really decided on."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import duckdb

from receiver.admission import Admission
from receiver.data_directory.accounts import AllowedAccounts
from receiver.database.opening import run
from receiver.notification import Notification
from receiver.senders.centurylink.signature import load_public_key
from receiver.senders.sender import Event
from receiver.spool import SpoolReader, SpoolWriter
from receiver.store.appending.appender import Appender
from tests.support.database import open_database
from tests.support.keys import in_lower_case, key_directory, signed
from tests.support.rows import NOON

USER = b'{"accountAlias":"ACME","userName":"user%d@acme.example","odd":1.50}'


def accepted(number: int, *, event: Event = Event("User", "Updated"), body: bytes = USER) -> Notification:  # noqa: B008
    """Make a signed notification as the listener would; `number` is its second and its user's."""
    admission = Admission(
        load_public_key(key_directory() / "public.pem"), "require", AllowedAccounts(None, Path("unused"))
    )
    payload = body % number if b"%d" in body else body
    decision = admission.decide(
        event, payload, in_lower_case(signed(payload)), NOON + timedelta(seconds=number), "192.0.2.7"
    )
    assert isinstance(decision, Notification), decision
    return decision


def spool(data_dir: Path, rows: Iterable) -> None:
    """Put rows into a spool segment of their own."""
    writer = SpoolWriter(data_dir / "spool")
    writer.append_all(list(rows))
    writer.close()


def append(data_dir: Path) -> None:
    """Append what is spooled, and leave the spool as it is."""
    connection = open_database(data_dir / "clc.duckdb")
    reader = SpoolReader(data_dir / "spool")
    appender = Appender(connection.cursor(), reader, data_dir, duplicate_window_seconds=10)
    while appender.append_new():
        pass
    reader.close()
    run(connection, "CHECKPOINT")
    connection.close()


def fill(data_dir: Path, rows: Iterable) -> None:
    """Spool rows and append them: the lake's first look, two seconds after a start, must find them all."""
    spool(data_dir, rows)
    append(data_dir)


def alter(data_dir: Path, *statements: str) -> None:
    """Change a database behind the program's back."""
    with duckdb.connect(str(data_dir / "clc.duckdb")) as database:
        for statement in statements:
            database.execute(statement).fetchall()
