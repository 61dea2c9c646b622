-- Notifications that are stored without their changes, because deriving those raised an error: which, and when.
CREATE TABLE underived (
    notification_id UUID NOT NULL,
    seq BIGINT NOT NULL,
    error VARCHAR NOT NULL,
    failed_at TIMESTAMPTZ NOT NULL
);

-- The same of `changes_rebuilt`, until that takes the place of `changes`.
CREATE TABLE underived_rebuilt (
    notification_id UUID NOT NULL,
    seq BIGINT NOT NULL,
    error VARCHAR NOT NULL,
    failed_at TIMESTAMPTZ NOT NULL
);

-- Changes are derived in another way since then, so those of a store from before are derived again from the beginning.
DELETE FROM rebuilding;

DELETE FROM changes_rebuilt;

INSERT INTO rebuilding SELECT 0 FROM notifications LIMIT 1;
