-- Names with letters that are two in upper case, such as `groß` and `GROSS`, are one name since then, and events of some profiles
-- are no states of their entities. So all changes are derived again.
DELETE FROM rebuilding;

DELETE FROM changes_rebuilt;

DELETE FROM underived_rebuilt;

INSERT INTO rebuilding SELECT 0 FROM notifications LIMIT 1;
