-- Up to which notification rows lie side by side by entity: one row once some do, else none.
CREATE TABLE arranged (last_seq BIGINT NOT NULL);
