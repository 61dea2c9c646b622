-- What follows a deletion is compared with the last body of no deletion since then, so all changes are derived again.
DELETE FROM rebuilding;

DELETE FROM changes_rebuilt;

DELETE FROM underived_rebuilt;

INSERT INTO rebuilding SELECT 0 FROM notifications LIMIT 1;
