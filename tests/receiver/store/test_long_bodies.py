"""Rows are put side by side where their bodies together are longer than the memory."""

from contextlib import nullcontext

import pytest

from receiver.database.opening import run
from receiver.store import arranging
from receiver.store.arranging import Arranger
from tests.support.database import do_next, open_database

ROWS, AT_ONCE = 1_200, 100
COLUMNS = "id, received_at, category, entity_id, occurred_at, signature_status, payload, sender, proof, seq"
HEX = "list_reduce(list_transform(range(1600), lambda n: md5(seq || '-' || n)), lambda one, other: one || other)"
VALUES = (
    "uuid(), now(), 'User', 'USER' || seq % 50, now(), 'missing', "
    f"json_object('hex', {HEX}), 'centurylink', 'none', seq"
)
ALL = "SELECT count(*), count(DISTINCT seq), bit_xor(hash(notifications)) FROM notifications"


@pytest.mark.full
def test_bodies_that_are_longer_than_the_memory_together_are_sorted_in_parts_that_fit(tmp_path, monkeypatch):
    monkeypatch.setattr(arranging, "ROW_GROUP", 1_000)
    monkeypatch.setattr(arranging, "NEWEST", 200)
    monkeypatch.setattr(arranging, "MOST_BYTES", 4_000_000)
    connection = open_database(tmp_path / "clc.duckdb", "64MB")
    for first in range(1, ROWS + 1, AT_ONCE):
        rows = f"SELECT {VALUES} FROM range({first}, {first + AT_ONCE}) numbers(seq)"
        run(connection, f"INSERT INTO notifications ({COLUMNS}) {rows}")
        run(connection, "CHECKPOINT")
    before = run(connection, ALL)
    assert do_next(Arranger(connection, nullcontext))
    assert run(connection, ALL) == before
    assert run(connection, "FROM arranged") == [(78,)]
    connection.close()
