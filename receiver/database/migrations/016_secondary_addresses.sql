-- A secondary address that comes after a body that could not name it is no noise since then, so all changes are derived again.
DELETE FROM rebuilding;

DELETE FROM changes_rebuilt;

DELETE FROM underived_rebuilt;

INSERT INTO rebuilding SELECT 0 FROM notifications LIMIT 1;
