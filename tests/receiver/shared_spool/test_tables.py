"""The tables of the shared spool have a place for all that a row holds."""

import psycopg

from receiver.shared_spool import server
from receiver.shared_spool.batches import COPIED, COPIED_TYPES

COLUMNS = """
SELECT attname, atttypid::regtype::TEXT FROM pg_attribute WHERE attrelid = 'clc_spool.rows'::regclass AND attnum > 0
"""


def test_the_versions_together_give_the_table_each_column_of_a_row(database):
    with psycopg.connect(database) as connection:
        server.prepare(connection)
        there = dict(connection.execute(COLUMNS).fetchall())
    assert there == dict(zip(COPIED, (name.replace("int8", "bigint") for name in COPIED_TYPES), strict=True))
