-- What a valid signature proves, why a signature is not valid, and the sender's own id of a delivery. All signatures of
-- before are of a key pair, and such deliveries have no ids.
ALTER TABLE notifications ADD COLUMN proof VARCHAR DEFAULT 'third-party';

ALTER TABLE notifications ALTER COLUMN proof DROP DEFAULT;

ALTER TABLE notifications ADD COLUMN signature_detail VARCHAR;

ALTER TABLE notifications ADD COLUMN delivery_id VARCHAR;

ALTER TABLE rejected ADD COLUMN signature_detail VARCHAR;

-- A view keeps the columns that it was made with.
CREATE OR REPLACE VIEW events AS
SELECT * FROM notifications WHERE duplicate_of IS NULL;
