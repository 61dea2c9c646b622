-- The last notification up to which rows lie side by side by entity: one row once some do, else none.
CREATE TABLE arranged (last_seq BIGINT NOT NULL);
