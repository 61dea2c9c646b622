-- What a notification changed depends neither on its signature nor on the key.
SELECT /* columns */ *
FROM (
    SELECT * REPLACE (NULL AS signature, NULL AS key_fingerprint), sum(strlen(payload)) OVER (ORDER BY seq) - strlen(payload) AS bytes_before
    FROM (FROM notifications WHERE seq > $1 ORDER BY seq LIMIT $2)
)
WHERE bytes_before < $3
ORDER BY seq;
