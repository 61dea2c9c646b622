"""Drops what a store received before a moment, but for each entity's last state, as the receiver does."""

from datetime import datetime
from pathlib import Path

import duckdb

GONE = """
CREATE TEMP TABLE gone AS
SELECT seq FROM notifications WHERE received_at < $before AND seq NOT IN (
    SELECT max_by(seq, (least(occurred_at, received_at), seq)) FROM notifications
    WHERE received_at < $before AND action IS DISTINCT FROM 'Deleted' GROUP BY sender, category, entity_id
)
"""
NOTE = """
INSERT INTO dropped
SELECT $before, count(*), max(seq), (SELECT count(*) FROM notifications WHERE received_at < $before), now() FROM gone
"""


def drop_before(file: Path, before: datetime) -> None:
    """Drop from a file that no process has open."""
    with duckdb.connect(str(file)) as store:
        store.execute(GONE, {"before": before})
        for table in ("notifications", "changes", "underived"):
            store.execute(f"DELETE FROM {table} WHERE seq IN (FROM gone)")
        store.execute("DELETE FROM dropped")
        store.execute(NOTE, {"before": before})
