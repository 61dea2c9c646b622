-- The public key under which the receiver judged the signature. Of what was received before this step it is not known.
ALTER TABLE notifications ADD COLUMN key_fingerprint VARCHAR;

-- A view keeps the columns that it was made with.
CREATE OR REPLACE VIEW events AS
SELECT * FROM notifications WHERE duplicate_of IS NULL;
