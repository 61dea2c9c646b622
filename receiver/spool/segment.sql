BEGIN;

CREATE TABLE spooled_notifications (
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
    payload BLOB NOT NULL,
    key_fingerprint TEXT,
    checksum INTEGER NOT NULL
) STRICT;

CREATE TABLE spooled_rejected (
    position INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    path TEXT NOT NULL,
    source_ip TEXT,
    headers TEXT NOT NULL,
    body BLOB NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;

-- In an upgrade the new listeners write while the store of before still reads. It knows these names, and takes exactly
-- these columns for a row.
CREATE VIEW notifications AS
SELECT
    position, id, received_at, event_type, category, action, account_alias, entity_id, actor, occurred_at,
    signature_status, signature, source_ip, payload
FROM spooled_notifications;

CREATE VIEW rejected AS
SELECT position, id, received_at, reason, path, source_ip, headers, body
FROM spooled_rejected;

-- How many rows there are, written when no more will come.
CREATE TABLE sealed (kind TEXT NOT NULL, rows INTEGER NOT NULL) STRICT;

-- Written to find out whether the spool takes writes.
CREATE TABLE probe (written_at INTEGER NOT NULL) STRICT;

COMMIT;
