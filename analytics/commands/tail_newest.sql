-- The places of the filter's newest notifications, up to a number.
SELECT
    seq AS number, -- if $by_seq
    epoch_us(received_at) AS number, -- if $by_time
    id::VARCHAR AS id,
    received_at
FROM notifications
WHERE true
    AND seq <= $last -- if $by_seq
    AND received_at <= make_timestamptz($last::BIGINT) -- if $by_time
    -- include matching_command.sql
ORDER BY
    seq DESC, -- if $by_seq
    received_at DESC, -- if $by_time
    notifications.id DESC
LIMIT $page_rows
