"""Checks the rows of a store as `clc-receiver verify` does."""

from receiver.database.reading import Reader
from receiver.keeping.verification import Tally, check_stored, read_extent, read_scope
from receiver.keeping.verification.checkers.parts import PartChecker
from receiver.keeping.verification.invariants import Violation
from receiver.senders import Senders, load_senders
from receiver.senders.keys import Keys


def check_rows(reader: Reader, keys: Keys, senders: Senders | None = None) -> list[Violation]:
    """Check all stored notifications in this process."""
    senders = load_senders() if senders is None else senders
    extent = read_extent(reader)
    scope = read_scope(reader, extent, senders)
    checkers = [PartChecker(reader, keys, senders, {}, None, scope)]
    return list(check_stored(reader, scope, extent, checkers, lambda _: None, Tally()))
