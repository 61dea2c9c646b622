-- receiver/notification.py defines the columns in braces; a row has those of a notification or those of a rejection.
-- Texts are kept as bytes: a text of PostgreSQL can't hold the character NUL, and a name in a body may.
CREATE SCHEMA IF NOT EXISTS clc_spool;

CREATE TABLE clc_spool.rows (
    segment TEXT NOT NULL,
    kind TEXT NOT NULL,
    position BIGINT NOT NULL,
    holds TEXT NOT NULL,
    {columns},
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
