-- Names with letters that are two in upper case, such as `groß` and `GROSS`, are one name since then, so all changes are derived
-- again.
DELETE FROM rebuilding;

DELETE FROM changes_rebuilt;

DELETE FROM underived_rebuilt;

INSERT INTO rebuilding SELECT 0 FROM notifications LIMIT 1;
