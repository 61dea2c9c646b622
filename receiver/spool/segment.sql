-- receiver/notification.py defines the columns in braces.
BEGIN;

CREATE TABLE spooled_notifications (
    position INTEGER PRIMARY KEY,
    {notifications},
    checksum INTEGER NOT NULL
) STRICT;

CREATE TABLE spooled_rejected (
    position INTEGER PRIMARY KEY,
    {rejected},
    checksum INTEGER NOT NULL
) STRICT;

-- In an upgrade the new listeners write while the old store still reads. It knows these names, and expects exactly
-- these columns.
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
