-- What the store has dropped because the lake holds it: one row once something was dropped, else none. A row is deleted and
-- inserted, never updated, as in `watermarks`.
CREATE TABLE dropped (
    -- The begin of a month: what was received since then is complete.
    before TIMESTAMPTZ NOT NULL,
    -- How many notifications were dropped so far, and the highest number of those.
    notifications BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    -- How many that were received before stayed, because later ones are compared with them.
    kept BIGINT NOT NULL,
    dropped_at TIMESTAMPTZ NOT NULL
);
