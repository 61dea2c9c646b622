"""Makes a DuckDB file of notifications, by the receiver's own classification, spool and appender."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import duckdb

from receiver.admission import Admission
from receiver.data_directory.accounts import AllowedAccounts
from receiver.notification import Notification
from receiver.sender_admission import PREFIX, SenderAdmission
from receiver.senders import load_senders
from receiver.senders.centurylink.events import find_event_by_name
from receiver.senders.centurylink.signature import load_public_key
from receiver.senders.profile import Profile
from receiver.senders.request import SignedRequest
from receiver.spool import SpoolWriter
from receiver.store.appending.appender import Appender
from tests.support.database import open_database
from tests.support.keys import in_lower_case, key_directory, signed
from tests.support.way_in import open_rows


class Received(NamedTuple):
    """A notification as it reaches the receiver.

    `event` is a name, or a category where the action is open. With a sender it is the end of the URL, if there is one.
    """

    event: str | None
    received_at: datetime
    body: str
    sender: str | None = None
    headers: Mapping[str, str] = {}


def received_in(example) -> list[Received]:
    """Return what is received in an example of a rule, in order of receipt."""
    received = [each for group in example.notifications for each in _list_each(group)]
    return sorted(received, key=lambda one: one.received_at)


def _list_each(group):
    """Yield the notifications of a group one by one."""
    for number in range(group.times):
        moment = group.at + number * timedelta(seconds=group.every_seconds)
        spelled = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = group.body.replace("{{n}}", str(number + 1)).replace("{{at}}", spelled)
        yield Received(group.event, moment, body, group.sender, group.headers)


def store_of(directory: Path, received: Iterable[Received]) -> Path:
    """Take notifications in, in this order, signed, and return the file, which nobody writes any more."""
    accounts = AllowedAccounts(None, directory / "accounts.sqlite")
    admission = Admission(load_public_key(key_directory() / "public.pem"), "record", accounts)
    spool = SpoolWriter(directory / "spool")
    file = directory / "clc.duckdb"
    store = open_database(file)
    try:
        spool.append_all([_admitted(admission, each) for each in received])
        appender = Appender(store.cursor(), open_rows(directory), directory, duplicate_window_seconds=10)
        while appender.append_new():
            pass
        appender.checkpoint()
    finally:
        spool.close()
        store.close()
        accounts.close()
    return file


def repeat_as_another_sender(file: Path, sender: str) -> None:
    """Add each notification and each change of a store once more, as another sender's."""
    other_id, other_seq = "md5({0}::VARCHAR)::UUID AS {0}", "seq + 1_000_000 AS seq, ? AS sender"
    with duckdb.connect(str(file)) as store:
        ids = ", ".join(map(other_id.format, ("id", "duplicate_of")))
        store.execute(f"INSERT INTO notifications SELECT * REPLACE ({ids}, {other_seq}) FROM notifications", [sender])
        ids = other_id.format("notification_id")
        store.execute(f"INSERT INTO changes SELECT * REPLACE ({ids}, {other_seq}) FROM changes", [sender])


def forget_sender(file: Path, sender: str) -> None:
    """Take a sender's notifications and changes out of a store."""
    with duckdb.connect(str(file)) as store:
        for table in ("changes", "notifications"):
            store.execute(f"DELETE FROM {table} WHERE sender = ?", [sender])


def _admitted(admission, each):
    if each.sender is None:
        headers = in_lower_case(signed(each.body.encode()))
        decision = admission.decide(find_event_by_name(each.event), each.body.encode(), headers, each.received_at, None)
    else:
        decision = _decide_on_senders(each)
    assert isinstance(decision, Notification), decision
    return decision


def _decide_on_senders(each):
    """Decide on a notification of a sender with a profile, signed with the secret of the profile's examples."""
    profile = load_senders()[each.sender]
    assert isinstance(profile, Profile)
    secret = next(example.secret for example in profile.examples if example.secret)
    path = PREFIX + "/".join(filter(None, (each.sender, each.event)))
    headers = in_lower_case({"Content-Type": "application/json", **each.headers})
    request = SignedRequest("POST", f"https://receiver.example{path}", headers, each.body.encode())
    signing = profile.scheme.load_signing_secret(secret)
    signature = profile.scheme.sign(request, signing, each.received_at, str(uuid4()))
    request = request._replace(headers={**headers, **in_lower_case(signature)})
    admission = SenderAdmission({each.sender: profile}, {each.sender: (profile.scheme.load_secret(secret),)}, "require")
    return admission.decide(path, request, each.received_at, None)
