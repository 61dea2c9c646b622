-- What a notification changed depends neither on its signature nor on the key.
SELECT /* columns */ *
FROM (
    SELECT * REPLACE (NULL AS signature, NULL AS key_fingerprint), sum(strlen(payload)) OVER (ORDER BY seq) - strlen(payload) AS bytes_before
    FROM (FROM notifications WHERE seq > $after AND seq <= $until ORDER BY seq LIMIT $rows)
)
WHERE bytes_before < $bytes
ORDER BY seq;
