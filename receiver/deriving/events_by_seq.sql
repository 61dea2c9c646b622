SELECT /* columns */ *
FROM (
    SELECT * REPLACE (id::VARCHAR AS id, encode(payload::VARCHAR) AS payload)
    FROM notifications
    WHERE seq IN (SELECT unnest(?))
);
