"""Rows of some entities in turn, and what a store has of them."""

from itertools import pairwise

from receiver.database.opening import run
from tests.support.rows import notification

ROW_GROUP, NEWEST = 1_000, 200
IN_PLACE = "SELECT seq, entity_id FROM notifications ORDER BY rowid"
ROW_GROUPS = "SELECT count(DISTINCT row_group_id) FROM pragma_storage_info('notifications')"
ALL = "SELECT count(*), count(DISTINCT seq), bit_xor(hash({0})) FROM {0}"


def row_of(number):
    name = f"user{number * 7919 % 50}@acme.example"
    body = f'{{"accountAlias": "ACME", "userName": "{name}", "number": {number}}}'.encode()
    return notification(number, entity_id=name.upper(), payload=body)


def contents(connection):
    return [run(connection, ALL.format(table)) for table in ("notifications", "changes")]


def runs(entities):
    return sum(one != other for one, other in pairwise(entities)) + 1
