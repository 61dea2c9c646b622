"""The verdicts on signatures, the reasons for refusals, and the advice to the operator."""

from typing import NamedTuple

from analytics.senders import signature_headers

VERDICTS = {
    "valid": "Verified: the signature fits the body under the receiver's key.",
    "invalid": (
        "Verification failed: there is a signature, but it does not fit this body under the receiver's key. "
        "Somebody else sent it, or the body was changed on its way."
    ),
    "missing": "Unsigned: the request had no signature, so anyone may have sent it.",
}
MARKS = {"valid": "✓ valid", "invalid": "✗ invalid", "missing": "○ missing"}


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
        return self.advice.replace("{signature}", signature_headers())


REFUSALS = {
    "signature_missing": Refusal(
        "Unsigned",
        "There was no signature. Anyone who knows the address may have sent it.",
        "If your sender does not sign, start the receiver with CLC_SIGNATURES=record: such notifications are then "
        "taken and marked. If it should sign, look whether a proxy drops the header {signature}.",
    ),
    "signature_invalid": Refusal(
        "Signature does not fit",
        "There was a signature, but it does not fit the body under the receiver's key.",
        "Look whether CLC_PUBLIC_KEY names the sender's key, and whether a proxy rewrites bodies: one changed byte is "
        "enough. If neither is so, somebody else sent it.",
    ),
    "account_not_allowed": Refusal(
        "Account not allowed",
        "The account is not one of those in CLC_ACCOUNTS.",
        "If it is yours, add its alias to CLC_ACCOUNTS and restart; if not, the sender's settings name your address by "
        "mistake, or somebody tries it out.",
    ),
    "unknown_event": Refusal(
        "Address names no event",
        "The path is none of the receiver's, so nothing says which event it is.",
        "Correct the target address in the sender's settings: the page Set up has one to copy for each event.",
    ),
    "not_json": Refusal(
        "No JSON",
        "The body is no JSON that can be stored.",
        "Open one and look at its body: the sender is no compatible one, or something between changes it.",
    ),
    "not_an_object": Refusal(
        "JSON, but no object",
        "The body is JSON, but a list, a text or a number instead of an object.",
        "Open one and look at its body: the sender is no compatible one. Several notifications in a list have to be "
        "sent one by one.",
    ),
    "internal_error": Refusal(
        "Failed in the receiver",
        "The receiver itself failed at it, by an error in this program. The sender got 500.",
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
        "`aside`. Please look after the disk and the memory of that machine.",
    ),
}


def title_of(reason: str) -> str:
    """Return a reason in a few words; an unknown one as the receiver names it."""
    refusal = REFUSALS.get(reason)
    return refusal.title if refusal else reason


def why_of(reason: str) -> str:
    """Return the meaning of a reason; empty for an unknown one."""
    refusal = REFUSALS.get(reason)
    return refusal.why if refusal else ""
