-- Up to which notification rows lie side by side by entity in four row groups at once: one row once some do, else none.
CREATE TABLE arranged_widely (last_seq BIGINT NOT NULL);
