"""Two backups to be damaged, and what tests do with them."""

import random
from pathlib import Path

import duckdb

from receiver.database.opening import run
from receiver.keeping.backup_file import seal
from tests.durability.support.damaged import block_overwritten
from tests.durability.support.stores import accepted, append, spool
from tests.durability.test_restore import key_of
from tests.support.rows import rejection

CHANGES = "SELECT count(*) AS n, bit_xor(hash(changes))::VARCHAR AS rows FROM changes"
NEWER, OLDER = (f"clc-202603{day}T120000000000Z.duckdb" for day in ("04", "03"))


def make_hex(number, length):
    return random.Random(number).randbytes(length).hex().encode()


def make_backup(data_dir: Path) -> Path:
    """A backup whose changes and refused notifications have blocks of their own."""
    bodies = [b'{"userName":"u%d","x":"%s"}' % (n % 200, make_hex(n, 1000)) for n in range(1000)]
    spool(data_dir, [accepted(n, body=body) for n, body in enumerate(bodies)])
    spool(data_dir, [rejection(n, body=make_hex(n, 40_000)) for n in range(20)])
    append(data_dir)
    seal(data_dir / "clc.duckdb", key_of(data_dir), data_dir / "none")
    return data_dir / "clc.duckdb"


def make_older_backup(data_dir: Path) -> Path:
    """A whole backup of three notifications and no refused one."""
    spool(data_dir, [accepted(n) for n in range(3)])
    append(data_dir)
    seal(data_dir / "clc.duckdb", key_of(data_dir), data_dir / "none")
    return data_dir / "clc.duckdb"


def damage(backup, table, tmp_path):
    """Copy the backup, and damage a block of a table alone."""
    copy = tmp_path / "b.duckdb"
    copy.write_bytes(backup.read_bytes())
    with duckdb.connect(str(copy), read_only=True) as database:
        blocks = {
            name: {number for (number,) in run(database, f"SELECT block_id FROM pragma_storage_info('{name}')")}
            for name in ("notifications", "changes", "rejected")
        }
    block_overwritten(max(blocks.pop(table) - set().union(*blocks.values())))(copy)
    return copy


def count_rows(data_dir):
    with duckdb.connect(str(data_dir / "clc.duckdb"), read_only=True) as database:
        (counts,) = run(database, "SELECT (SELECT count(*) FROM notifications), (SELECT count(*) FROM rejected)")
    return counts
