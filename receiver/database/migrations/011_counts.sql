-- Counts of what is not counted again for each page: of notifications without copies, by quarter hour and event type, and
-- of changed fields by the quarter hour in which they changed. A sum of rows counts, as each part that is counted adds its
-- own, and a late notification takes changes back.
CREATE TABLE counts_by_quarter (
    quarter TIMESTAMPTZ NOT NULL,
    sender VARCHAR,
    category VARCHAR NOT NULL,
    event_type VARCHAR,
    notifications BIGINT NOT NULL,
    changed_fields BIGINT NOT NULL
);

-- The notifications of each account, actor and entity (`what`) in the twelve months of a year of UTC. The numbers are whole;
-- DuckDB adds up chosen months of an array fastest if they are DOUBLE. The category is that of an entity.
CREATE TABLE counts_by_year (
    year BIGINT NOT NULL,
    what VARCHAR NOT NULL,
    sender VARCHAR,
    category VARCHAR,
    name VARCHAR NOT NULL,
    months DOUBLE[12] NOT NULL
);

-- The last notification that is in these counts, and when the newest of all those was received: one row once some are, else
-- none. A row is deleted and inserted, never updated, as in `watermarks`.
CREATE TABLE counted (last_seq BIGINT NOT NULL, newest TIMESTAMPTZ NOT NULL);
