"""Checks what only the whole table tells: ids that are there twice, and views that disagree with it."""

from collections.abc import Iterator
from itertools import chain
from uuid import UUID

from receiver.database.reading import Reader
from receiver.keeping.invariants import Violation, check_taken
from receiver.keeping.verification.extent import Extent, schema_version_of
from receiver.notification import SET_ASIDE
from receiver.program import sql_file

_ROWS_PER_PART = 2_000_000
_FIRST_VERSION_WITH_ACCOUNT_STATES = 3


def check_whole(reader: Reader, extent: Extent) -> Iterator[Violation]:
    """Check that ids are there once, that nothing was set aside, and that what is derived agrees."""
    yield from check_taken(*reader.rows(sql_file(__package__, "promise.sql"), [])[0])
    yield from _check_ids(reader, extent)
    for name, reason, received_at in reader.rows(sql_file(__package__, "set_aside.sql"), [list(SET_ASIDE)]):
        detail = f"It was received at {received_at} and acknowledged, but is kept in rejected as {reason}."
        yield Violation("set_aside", UUID(name), None, detail)
    has_account_states = schema_version_of(reader) >= _FIRST_VERSION_WITH_ACCOUNT_STATES
    queries = ["views.sql", "account_states.sql"] if has_account_states else ["views.sql"]
    answers = (reader.rows(sql_file(__package__, query), []) for query in queries)
    for name, expected, found in chain.from_iterable(answers):
        if expected != found:
            yield Violation("view", None, None, f"{name}: {found}, but notifications make it {expected}.")


def _check_ids(reader: Reader, extent: Extent) -> Iterator[Violation]:
    # In parts, so that ten million ids need no more memory at a time than two.
    parts = extent.rows // _ROWS_PER_PART + 1
    query = sql_file(__package__, "doubled_ids.sql")
    for part in range(parts):
        for name, seq, times in reader.rows(query, [parts, part, extent.last]):
            yield Violation("doubled", UUID(name), seq, f"Its id is there {times} times.")
    for name, seq in reader.rows(sql_file(__package__, "set_aside_and_stored.sql"), []):
        yield Violation("doubled", UUID(name), seq, "It is in rejected as well.")
