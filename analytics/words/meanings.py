"""Explains what the store holds, and what it never will: tables, columns, fields, and verdicts on signatures."""

import re
from typing import NamedTuple

from analytics.senders import list_senders

VERDICTS = {
    "valid": (
        "Verified: the signature fits the body under the receiver's key. It covers the body, not the event or the time."
    ),
    "invalid": (
        "Verification failed: there is a signature, but it does not fit this body under the receiver's key. "
        "Somebody else sent it, or the body was changed on its way."
    ),
    "missing": "Unsigned: the request had no signature, so anyone may have sent it.",
}
THIRD_PARTY = "third-party"
"""The proof of a key pair, which anybody can check."""
PROVED = {
    "shared-secret": (
        "Verified with the secret that {title} shares with this receiver. Either of them could have signed it, "
        "and nobody without the secret can check it."
    ),
    "token": (
        "It carried the token that {title} shares with this receiver. "
        "That says who sent it; nothing says that the body is as it was sent."
    ),
    "none": "{title} signs nothing here, so anyone may have sent it.",
}
REFUTED = "Verification failed: the signature is not one of {title} under a secret of this receiver."


def describe_verdict(status: str, proof: str, title: str) -> str | None:
    """Return the verdict on a signature in words; None for a status that is not known.

    Args:
        status: the status of the signature.
        proof: what a valid signature proves.
        title: the sender's.
    """
    if proof == THIRD_PARTY or status == "missing":
        return VERDICTS.get(status)
    words = {"valid": PROVED.get(proof), "invalid": REFUTED}.get(status)
    return words.format(title=title) if words else None


MARKS = {"valid": "", "invalid": "✗ signature invalid", "missing": "✗ unsigned"}
"""The marks of notifications in lists, by the status of their signatures."""


class Meaning(NamedTuple):
    """The contents of a table or view, and the meanings of its columns."""

    holds: str
    columns: dict[str, str]


NOTIFICATION = {
    "seq": "Number of the notification, in the order of arrival",
    "id": "Its id (UUID version 7), given on receipt; the sender has none",
    "received_at": "When it came",
    "event_type": "Event; NULL where the target URL can't tell it",
    "category": "What the event is about",
    "action": "What happened to it; NULL where not known",
    "account_alias": "Account that it is about; in upper case, unless the sender's names are case-sensitive",
    "entity_id": "Name or id of what it is about; in upper case, unless the sender's names are case-sensitive",
    "actor": "The user who made the change",
    "occurred_at": "When it happened by the body's own time, else when it came",
    "signature_status": "valid, invalid or missing",
    "signature": "Decoded signature; NULL where missing",
    "source_ip": "Address that sent it",
    "duplicate_of": "Id of the notification that it is a copy of; NULL where it is none",
    "payload": "Body as JSON, byte for byte",
    "key_fingerprint": "Fingerprint (SHA-256) of the public key that judged the signature; NULL where there was none",
    "sender": "Kind of sender",
    "proof": "What a valid signature proves: third-party, shared-secret, token or none",
    "signature_detail": "Why the signature is not valid; NULL where it is",
    "delivery_id": "The sender's own id of the delivery; NULL where it gives none",
}

MEANINGS: dict[str, Meaning] = {
    "events": Meaning("Notifications without copies: count these", NOTIFICATION),
    "notifications": Meaning("Every accepted notification, copies too", NOTIFICATION),
    "entities": Meaning(
        "The latest state of each account, user and server",
        {
            "category": "What kind of entity it is",
            "entity_id": "Its name or id; in upper case, unless the sender's names are case-sensitive",
            "account_alias": "Account that it belongs to",
            "event_type": "Event of its latest notification",
            "last_seq": "Number of its latest notification",
            "last_id": "Id of its latest notification",
            "last_received_at": "When its latest notification came",
            "first_received_at": "When its first notification came",
            "deleted": "Whether its latest notification says that it is deleted",
            "notifications": "How many notifications it had, without copies",
            "payload": "Body of its latest notification",
            "sender": "Kind of sender; entities of two senders are two",
        },
    ),
    "accounts": Meaning(
        "Accounts and their tree",
        {
            "alias": "Account alias",
            "business_name": "Its name; NULL where no notification of its own told it",
            "parent_alias": "Account above it; NULL for a root",
            "depth": "How many accounts are above it",
            "root_path": "Aliases from the root down to it: list_contains(root_path, 'ACME') finds all below ACME",
            "sender": "Kind of sender",
        },
    ),
    "changes": Meaning(
        "One row for each field that a notification changed",
        {
            "notification_id": "Id of the notification",
            "seq": "Number of the notification",
            "changed_at": "When it happened",
            "category": "What kind of entity it is",
            "entity_id": "Its name or id; in upper case, unless the sender's names are case-sensitive",
            "account_alias": "Account that it belongs to",
            "actor": "The user who made the change",
            "path": "Field; empty for the whole body",
            "kind": "added, removed, changed, or unseen: the body equals the last, so a hidden field changed",
            "noise": "True for dates and names of the change itself, links and mere differences of form",
            "old_value": "Value before, as JSON",
            "new_value": "Value after, as JSON",
            "told": "Whether the sender told the value before itself",
            "sender": "Kind of sender",
        },
    ),
    "rejected": Meaning(
        "Requests that were refused",
        {
            "id": "Its id (UUID version 7)",
            "received_at": "When it came",
            "reason": "Why it was refused, such as signature_invalid",
            "path": "Path of the URL",
            "source_ip": "Address that sent it",
            "headers": "Headers as JSON",
            "body": "Body as it came, in bytes",
            "sender": "Kind of sender; NULL where it is not known",
            "signature_detail": "Why the signature is not valid; NULL where it is, or was not judged",
        },
    ),
    "dropped": Meaning(
        "One row once months were dropped that the lake has",
        {
            "before": "Months before this moment were dropped; all that was received since then is here",
            "notifications": "How many notifications were dropped in all",
            "last_seq": "Highest number of a dropped notification",
            "kept": "How many notifications from before that moment are still here",
            "dropped_at": "When some were dropped last",
        },
    ),
}


def find_meaning(table: str, column: str) -> str:
    """Return the meaning of a column for the known senders; empty where there is none."""
    table_meaning = MEANINGS.get(table)
    meanings = [sender.meanings[table, column] for sender in list_senders() if (table, column) in sender.meanings]
    return "; ".join(meanings) or (table_meaning.columns.get(column, "") if table_meaning else "")


def explain_never_reported(field: str) -> str | None:
    """Return why no notification has a field that somebody looks for; None for any other field."""
    words = re.findall(r"[a-z-]+", field.lower())
    names = {" ".join(words), *words}
    names |= {name.removesuffix("s") for name in names}
    reasons = (why for sender in list_senders() for name, why in sender.never_reported.items() if name in names)
    return next(reasons, None)
