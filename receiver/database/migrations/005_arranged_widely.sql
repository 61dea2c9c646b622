-- The same for rows that are sorted in four row groups at once.
CREATE TABLE arranged_widely (last_seq BIGINT NOT NULL);
