BEGIN;

CREATE TABLE notifications (
    position INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    event_type TEXT,
    category TEXT NOT NULL,
    action TEXT,
    account_alias TEXT,
    entity_id TEXT,
    actor TEXT,
    occurred_at INTEGER NOT NULL,
    signature_status TEXT NOT NULL,
    signature BLOB,
    source_ip TEXT,
    payload BLOB NOT NULL
) STRICT;

CREATE TABLE rejected (
    position INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    path TEXT NOT NULL,
    source_ip TEXT,
    headers TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT;

-- Written to find out whether the spool takes writes.
CREATE TABLE probe (written_at INTEGER NOT NULL) STRICT;

COMMIT;
