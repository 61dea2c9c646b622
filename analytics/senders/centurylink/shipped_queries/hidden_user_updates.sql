-- Hidden changes of users
-- User updates whose body equals the last one: a password, PIN, title, telephone or time zone changed. Many in a short
-- time stand out. An update that comes at a URL of its event and at one of the category within a minute is one.
WITH steps AS (
    SELECT
        id,
        seq,
        entity_id,
        occurred_at,
        action IS NULL AS is_of_category,
        occurred_at - lag(occurred_at) OVER (PARTITION BY entity_id ORDER BY occurred_at, seq) AS gap
    FROM events
    WHERE sender = 'centurylink' AND category = 'User' AND occurred_at > now() - INTERVAL 31 DAY
),
runs AS (
    SELECT
        *,
        count(*) FILTER (gap IS NULL OR gap > INTERVAL 1 MINUTE) OVER (
            PARTITION BY entity_id ORDER BY occurred_at, seq
        ) AS run
    FROM steps
),
-- In a run of updates without a pause the first at one URL is the first at the other, and so on.
numbered AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY entity_id, run, is_of_category ORDER BY occurred_at, seq) AS number
    FROM runs
)
SELECT
    entity_id AS user_name,
    account_alias AS account,
    count(*) AS hidden_changes,
    min(changed_at) AS first_at,
    max(changed_at) AS latest_at
FROM changes
WHERE sender = 'centurylink' AND category = 'User' AND kind = 'unseen' AND changed_at > now() - INTERVAL 30 DAY
    AND notification_id NOT IN (
        SELECT id
        FROM numbered
        QUALIFY row_number() OVER (PARTITION BY entity_id, run, number ORDER BY occurred_at, seq) > 1
    )
GROUP BY user_name, account
ORDER BY hidden_changes DESC, latest_at DESC
