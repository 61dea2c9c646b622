"""A listener with errors in it: a body that names a part of the program makes that part fail."""

from receiver.admission import Admission
from receiver.listener import process
from receiver.notification import Notification
from receiver.spool import columns


class UnexpectedError(Exception):
    """Raised where nobody expects it."""


_decide = Admission.decide
_insert = columns.insert


def _decide_or_fail(self, event, payload, *rest):
    if b"FAIL-DECIDE" in payload:
        raise UnexpectedError(payload)
    return _decide(self, event, payload, *rest)


def _insert_or_fail(connection, rows, *rest):
    if any(isinstance(row, Notification) and b"FAIL-INSERT" in row.payload for row in rows):
        raise UnexpectedError
    return _insert(connection, rows, *rest)


Admission.decide = _decide_or_fail  # type: ignore[method-assign] # that is the error
columns.insert = _insert_or_fail

if __name__ == "__main__":
    process.main()
