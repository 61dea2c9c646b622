-- How many notifications were taken from the spool, are stored, and were set aside: in one statement, so of one moment.
-- Places in a segment are 1, 2, 3, …, so the watermark is how many there were.
SELECT
    coalesce((SELECT sum(position) FROM watermarks WHERE kind = 'notifications'), 0)::BIGINT AS taken,
    (SELECT count(*) FROM notifications) AS stored,
    (
        SELECT count(*)
        FROM rejected
        -- A refused request that was set aside has a path that begins with a slash; a notification has its event there.
        WHERE (reason = 'not_storable' AND NOT starts_with(path, '/'))
            OR (reason = 'damaged_in_spool' AND headers ->> 'table' = 'notifications')
    ) AS set_aside;
