-- A program that knows version 1 alone would put in rows without a batch. It finds no column of that name any more, asks
-- again for the version, and ends there.
LOCK TABLE clc_spool.positions, clc_spool.rows IN ACCESS EXCLUSIVE MODE;
ALTER TABLE clc_spool.positions RENAME COLUMN position TO last;

-- The one order of all rows: by number, by part, by position. A transaction of a shipper is one batch, and its rows of one
-- segment and kind that follow each other are a part.
CREATE TABLE clc_spool.batches (
    number BIGINT NOT NULL,
    part INTEGER NOT NULL,
    segment TEXT NOT NULL,
    kind TEXT NOT NULL,
    first BIGINT NOT NULL,
    last BIGINT NOT NULL,
    rows_before BIGINT NOT NULL, -- of all batches before
    put_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (number, part),
    UNIQUE (segment, kind, last)
);

-- Version 1 had no order; this one is the same for all.
INSERT INTO clc_spool.batches (number, part, segment, kind, first, last, rows_before)
SELECT
    row_number() OVER (ORDER BY segment, kind),
    1,
    segment,
    kind,
    1,
    last,
    sum(last) OVER (ORDER BY segment, kind) - last
FROM clc_spool.positions
WHERE last > 0;

-- The number of the last batch, and how many rows all batches had. Whoever adds a batch holds this row until the end of the
-- transaction. So numbers have no gap, and become visible in their order.
CREATE TABLE clc_spool.counter (number BIGINT NOT NULL, rows BIGINT NOT NULL) WITH (fillfactor = 10);
INSERT INTO clc_spool.counter SELECT count(*), coalesce(sum(last), 0) FROM clc_spool.batches;

-- How many rows of each segment and kind are deleted, because every node has them and a backup, too.
CREATE TABLE clc_spool.freed (
    segment TEXT NOT NULL,
    kind TEXT NOT NULL,
    last BIGINT NOT NULL,
    PRIMARY KEY (segment, kind)
);

-- The nodes, and up to which batch each has all rows: in its store, in its store's file, and in a backup.
CREATE TABLE clc_spool.nodes (
    node UUID PRIMARY KEY,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    role TEXT NOT NULL,
    joined_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    seen_at TIMESTAMPTZ NOT NULL,
    stored BIGINT,
    checkpointed BIGINT,
    backed_up BIGINT
) WITH (fillfactor = 50);

UPDATE clc_spool.about SET version = 2;
