-- Hidden changes of users
-- User updates whose body equals the last one: a password, PIN, title, telephone or time zone changed. Many in a short
-- time stand out. An update that comes at a URL of its event and at one of the category within a minute is one.
WITH steps AS (
    SELECT
        seq,
        entity_id,
        occurred_at,
        if(
            (action IS NULL) <> lag(action IS NULL) OVER in_order, occurred_at - lag(occurred_at) OVER in_order, NULL
        ) AS since_other_url
    FROM events
    WHERE sender = 'centurylink' AND category = 'User' AND occurred_at > now() - INTERVAL 31 DAY
    WINDOW in_order AS (PARTITION BY entity_id ORDER BY occurred_at, seq)
),
paired AS (
    SELECT
        seq,
        since_other_url,
        lag(since_other_url) OVER (PARTITION BY entity_id ORDER BY occurred_at, seq) AS since_other_url_before
    FROM steps
)
SELECT
    entity_id AS user_name,
    account_alias AS account,
    count(*) AS hidden_changes,
    min(changed_at) AS first_at,
    max(changed_at) AS latest_at
FROM changes
WHERE sender = 'centurylink' AND category = 'User' AND kind = 'unseen' AND changed_at > now() - INTERVAL 30 DAY
    -- A step that is nearer to the other URL's step before it than that is to its own is a copy of it.
    AND seq NOT IN (
        SELECT seq
        FROM paired
        WHERE since_other_url <= INTERVAL 1 MINUTE AND coalesce(since_other_url_before > since_other_url, true)
    )
GROUP BY user_name, account
ORDER BY hidden_changes DESC, latest_at DESC
