-- A row has the columns of a notification or those of a rejection. Columns that receiver/notification.py got later stand in
-- later versions: a server has its tables already.
-- Texts are kept as bytes: a text of PostgreSQL can't hold the character NUL, and a name in a body may.
CREATE SCHEMA IF NOT EXISTS clc_spool;

CREATE TABLE clc_spool.rows (
    segment TEXT NOT NULL,
    kind TEXT NOT NULL,
    position BIGINT NOT NULL,
    holds TEXT NOT NULL,
    id BYTEA,
    received_at BIGINT,
    event_type BYTEA,
    category BYTEA,
    action BYTEA,
    account_alias BYTEA,
    entity_id BYTEA,
    actor BYTEA,
    occurred_at BIGINT,
    signature_status BYTEA,
    signature BYTEA,
    source_ip BYTEA,
    payload BYTEA,
    key_fingerprint BYTEA,
    sender BYTEA,
    proof BYTEA,
    signature_detail BYTEA,
    delivery_id BYTEA,
    reason BYTEA,
    path BYTEA,
    headers BYTEA,
    body BYTEA,
    checksum BIGINT NOT NULL,
    PRIMARY KEY (segment, kind, position)
);

-- How many rows of each segment and kind there are.
CREATE TABLE clc_spool.positions (
    segment TEXT NOT NULL,
    kind TEXT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (segment, kind)
) WITH (fillfactor = 50);

CREATE TABLE clc_spool.about (version INTEGER NOT NULL);

INSERT INTO clc_spool.about VALUES (1);
