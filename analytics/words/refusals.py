"""Explains refusals: what each reason means for its sender, and what to do about it."""

from typing import NamedTuple

from analytics.senders import list_learned, list_shipped, list_signature_headers
from analytics.senders.sender import Sender


class Refusal(NamedTuple):
    """A reason for a refusal in a few words and in a sentence, and advice.

    In `advice`, {signature} stands for the header with the senders' signature.
    """

    title: str
    why: str
    advice: str

    @property
    def remedy(self) -> str:
        """Return the advice with the header's name."""
        return self.advice.replace("{signature}", list_signature_headers())


NONE_REFUSED = "The store has no refused notification."
"""It says no more: the oldest refused ones go where they are many, and with dropped months."""
MISSING, INVALID = "signature_missing", "signature_invalid"
REFUSALS = {
    MISSING: Refusal(
        "Unsigned",
        "There was no signature. Anyone who knows the address may have sent it.",
        "If your sender signs, check whether a proxy drops the header {signature}. If it does not sign, start the "
        "receiver with CLC_SIGNATURES=record: such notifications are then taken and marked.",
    ),
    INVALID: Refusal(
        "Signature does not fit",
        "There was a signature, but it is not valid.",
        "Check that CLC_PUBLIC_KEY names the sender's key and that no proxy rewrites bodies: one changed byte is "
        "enough. If both are right, somebody else sent it.",
    ),
    "account_not_allowed": Refusal(
        "Account not allowed",
        "The account is not one of those in CLC_ACCOUNTS.",
        "If it is yours, add its alias to CLC_ACCOUNTS and restart; if not, the sender's settings name your address by "
        "mistake, or somebody is trying it out.",
    ),
    "accounts_unreadable": Refusal(
        "Accounts can't be read",
        "The receiver could not read accounts.sqlite, in which it keeps the accounts that it has learned. The sender "
        "got 503.",
        "Its body is here, and the receiver's log says why. If the file is damaged, restart the receiver: it begins a "
        "new one. Then have the notification sent again.",
    ),
    "unknown_event": Refusal(
        "Address names no event",
        "The receiver has no such path, so the event is unknown.",
        "Correct the target address in the sender's settings: the page Set up has one to copy for each event.",
    ),
    "unknown_sender": Refusal(
        "Address names no sender",
        "The path names no sender that is set up here.",
        "Correct the target address in the sender's settings, or set the sender's secret and restart the receiver: the "
        "page Set up has the address and the setting of each sender.",
    ),
    "not_json": Refusal(
        "Not JSON",
        "The body is not JSON that can be stored.",
        "Open one and look at its body: the sender is not compatible, or something on the way changes it.",
    ),
    "not_an_object": Refusal(
        "JSON, but not an object",
        "The body is JSON, but a list, a text or a number instead of an object.",
        "Open one and look at its body: the sender is not compatible. Several notifications in a list have to be "
        "sent one by one.",
    ),
    "too_large": Refusal(
        "Body too large",
        "The body is larger than CLC_MAX_BODY_BYTES allows. The sender got 413, and the body is not kept.",
        "If it is your sender's, set CLC_MAX_BODY_BYTES to more, and the limit of a proxy in front, too. Restart the "
        "receiver, and have the notification sent again.",
    ),
    "internal_error": Refusal(
        "Failed in the receiver",
        "The receiver itself failed on it, because of an error in this program. The sender got 500.",
        "Its body is here, and the receiver's log has a line with its id. Please report it as a fault of this program, "
        "with that line, and with the body if you may.",
    ),
    "not_storable": Refusal(
        "Not storable",
        "It was accepted, but DuckDB did not take the row, and it was set aside here.",
        "Nothing is lost: its body is here. Please report it as a fault of this program, with the body if you may.",
    ),
    "damaged_in_spool": Refusal(
        "Damaged in the spool",
        "It was accepted, but its bytes changed by themselves before it was stored, and it was set aside here.",
        "Its body and other columns are here as they were found, and the segment is kept in the spool's directory "
        "aside. Please check the disk and the memory of that machine.",
    ),
}
WHYS = {
    MISSING: "The request has no signature of {title}: {detail}.",
    INVALID: "The signature of {title} is not valid: {detail}.",
}
CHECK_SETTING = (
    "Check that {variable}, or the sender's file in CLC_SECRETS_DIR, has the secret that the sender signs with"
)
BODY_ALTERED = "The secret is right. Find the proxy or program that changes bodies on the way, and switch that off."
ADVICE = {
    "header missing": "Check that the sender sets {signature}, and whether a proxy drops it.",
    "signature missing in the body": "Check that the sender sets {signature}.",
    "header malformed": (
        "Check that the sender writes {signature} as its profile says: with the same prefix, format and encoding."
    ),
    "signature malformed in the body": (
        "Check that the sender writes {signature} as its profile says: with the same prefix and encoding."
    ),
    "no secret is known": "Set {variable} and restart the receiver.",
    "a signed header is missing": "Check that the sender sets {headers}, and whether a proxy drops it.",
    "delivery id missing": "Check that the sender sets {id}, and whether a proxy drops it.",
    "the body is no form": "The signature is of a form. Check the sender's content type and body.",
    "signature of another length": (
        "Check that the sender signs as its profile says: with the same hash, and the same encoding of {signature}."
    ),
    "the signature fits no secret": (
        CHECK_SETTING
        + ", that the profile says what is signed, and that no proxy rewrites bodies: one changed byte is "
        "enough. If all is right, somebody else sent it."
    ),
    "the token fits no secret": CHECK_SETTING + ". If it has, somebody else sent it.",
    "the body was altered on the way: its line ends were converted": BODY_ALTERED,
    "the body was altered on the way: its last line end was added or removed": BODY_ALTERED,
    "the body was altered on the way: its JSON was written anew": BODY_ALTERED,
    "timestamp missing": "Check that the sender sets {timestamp}, and whether a proxy drops it.",
    "timestamp malformed": "Check that the sender writes {timestamp} in the unit that its profile says.",
    "stale timestamp": (
        "The secret is right. The request was on its way for too long, or somebody sent it again; else compare the "
        "clocks of both machines, and the unit of {timestamp} with the profile's."
    ),
    "timestamp in the future": (
        "The secret is right. Compare the clocks of both machines, and the unit of {timestamp} with the profile's."
    ),
}
"""The advice for each reason for which a signature of a sender with a profile is not valid."""


def describe_refusal(reason: str, sender: str | None = None, detail: str | None = None) -> Refusal | None:
    """Return a refusal in the words for its sender; None for a reason that is not known.

    Args:
        reason: the refusal's code.
        sender: the sender's name; None where it is not known.
        detail: why the signature is not valid; None where it was not judged.
    """
    refusal = REFUSALS.get(reason)
    if refusal is None or reason not in WHYS or sender in {None, *(each.name for each in list_shipped())}:
        return refusal
    known = next((each for each in list_learned() if each.name == sender), None)
    title = known.title if known else str(sender)
    why = WHYS[reason].format(title=title, detail=detail or "the reason is not known")
    return Refusal(refusal.title, why, advise(known, detail))


def advise(sender: Sender | None, detail: str | None) -> str:
    """Return what to do about a signature that is not valid, or missing."""
    if sender is None:
        return "The receiver has no profile of this sender now: see the setting CLC_SENDERS."
    advice = ADVICE.get(detail or "", CHECK_SETTING + ".")
    places = {name: sender.places.get(name) or f"the {name}" for name in ("signature", "timestamp", "id", "headers")}
    return advice.format(variable=sender.secret_variable or "its secret", **places)


def find_title(reason: str, sender: str | None = None) -> str:
    """Return a reason in a few words, and its sender if it has a profile; an unknown one as the receiver names it."""
    refusal = REFUSALS.get(reason)
    title = refusal.title if refusal else reason
    of = next((each.title for each in list_learned() if each.name == sender), None)
    return f"{title} · {of}" if of else title


def find_meaning(reason: str) -> str:
    """Return the meaning of a reason; empty for an unknown one."""
    refusal = REFUSALS.get(reason)
    return refusal.why if refusal else ""
