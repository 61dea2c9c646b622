-- Hidden changes of users
-- User updates whose body equals the last one: a password, PIN, title, telephone or time zone changed. Many in a short
-- time stand out.
SELECT
    entity_id AS user_name,
    account_alias AS account,
    count(*) AS hidden_changes,
    min(changed_at) AS first_at,
    max(changed_at) AS latest_at
FROM changes
WHERE category = 'User' AND kind = 'unseen' AND changed_at > now() - INTERVAL 30 DAY
GROUP BY user_name, account
ORDER BY hidden_changes DESC, latest_at DESC
