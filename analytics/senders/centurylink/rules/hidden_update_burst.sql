/*
title = "Burst of hidden updates"
severity = "high"
why = """
The passwords, PINs or telephone numbers of many users of one account change within minutes: somebody is taking the \
account over, or locking its users out. Single updates of this kind are routine."""
todo = """
Find out who administers the account and whether this was planned. If not, disable the administrators' users, then give \
every user named here a new password and PIN, but not by e-mail."""
references = [
    "MITRE ATT&CK T1531, Account Access Removal: https://attack.mitre.org/techniques/T1531/",
    "MITRE ATT&CK T1098, Account Manipulation: https://attack.mitre.org/techniques/T1098/",
]

[reasons]
high = "many users of one account at once"

[parameters]
updates = 5         # so many hidden updates make a burst
gap_minutes = 10    # between two of which lies no longer time
usual_copies = 1    # so many copies of each come because parent accounts include their sub-accounts
apart_seconds = 60  # closer together the same update at a URL of its event and at one of the category is one

[[fires]]
title = "Six users within five minutes"
expected = ["high ACME: 6 hidden updates of 6 users of ACME within 5 min: USER1, USER2, USER3 and 3 more."]
[[fires.notifications]]
event = "User.Created"
at = 2026-03-03T10:00:00Z
times = 6
every_seconds = 60
body = '{"userName":"user{{n}}","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:00Z
times = 6
every_seconds = 60
body = '{"userName":"user{{n}}","accountAlias":"ACME","status":"Active"}'

[[fires]]
title = "One user again and again, and again the day after"
expected = ["high ACME: 7 hidden updates of 1 user of ACME within 6 min: KIM.", "high ACME: 5 hidden updates"]
[[fires.notifications]]
event = "User.Created"
at = 2026-03-03T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:00Z
times = 7
every_seconds = 60
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-05T10:00:00Z
times = 5
every_seconds = 600
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'

[[fires]]
title = "One user so quickly that most updates look like copies of the first"
expected = ["high ACME: 9 hidden updates of 1 user of ACME within 1 min: KIM."]
[[fires.notifications]]
event = "User.Created"
at = 2026-03-03T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:00Z
times = 10
every_seconds = 1
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'

[[fires]]
title = "Five updates of one user, each at a URL of its event and at one of the category"
expected = ["high ACME: 5 hidden updates of 1 user of ACME within 5 min: KIM."]
[[fires.notifications]]
event = "User.Created"
at = 2026-03-03T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:00Z
times = 5
every_seconds = 61
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'
[[fires.notifications]]
event = "User"
at = 2026-03-04T10:00:02Z
times = 5
every_seconds = 61
body = '{"userName":"kim","accountAlias":"ACME","status":"Active"}'

[[silent]]
title = "Four users, each of whose updates comes at a URL of its event and at one of the category"
[[silent.notifications]]
event = "User.Created"
at = 2026-03-03T10:00:00Z
times = 4
every_seconds = 60
body = '{"userName":"user{{n}}","accountAlias":"ACME","status":"Active"}'
[[silent.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:00Z
times = 4
every_seconds = 60
body = '{"userName":"user{{n}}","accountAlias":"ACME","status":"Active"}'
[[silent.notifications]]
event = "User"
at = 2026-03-04T10:00:01Z
times = 4
every_seconds = 60
body = '{"userName":"user{{n}}","accountAlias":"ACME","status":"Active"}'

[[silent]]
title = "Three users, each of whose updates comes twice"
[[silent.notifications]]
event = "User.Created"
at = 2026-03-03T10:00:00Z
times = 3
every_seconds = 60
body = '{"userName":"user{{n}}","accountAlias":"ACME","status":"Active"}'
[[silent.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:00Z
times = 3
every_seconds = 60
body = '{"userName":"user{{n}}","accountAlias":"ACME","status":"Active"}'
[[silent.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:01Z
times = 3
every_seconds = 60
body = '{"userName":"user{{n}}","accountAlias":"ACME","status":"Active"}'

[[silent]]
title = "Six users within a day"
[[silent.notifications]]
event = "User.Created"
at = 2026-03-03T10:00:00Z
times = 6
every_seconds = 60
body = '{"userName":"user{{n}}","accountAlias":"ACME","status":"Active"}'
[[silent.notifications]]
event = "User.Updated"
at = 2026-03-04T08:00:00Z
times = 6
every_seconds = 3600
body = '{"userName":"user{{n}}","accountAlias":"ACME","status":"Active"}'

[[silent]]
title = "Six users of six accounts"
[[silent.notifications]]
event = "User.Created"
at = 2026-03-03T10:00:00Z
times = 6
every_seconds = 60
body = '{"userName":"user{{n}}","accountAlias":"AC{{n}}","status":"Active"}'
[[silent.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:00Z
times = 6
every_seconds = 60
body = '{"userName":"user{{n}}","accountAlias":"AC{{n}}","status":"Active"}'

[[silent]]
title = "Six users whose e-mail addresses change, which shows"
[[silent.notifications]]
event = "User.Created"
at = 2026-03-03T10:00:00Z
times = 6
every_seconds = 60
body = '{"userName":"user{{n}}","accountAlias":"ACME","emailAddress":"{{n}}@acme.example"}'
[[silent.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:00Z
times = 6
every_seconds = 60
body = '{"userName":"user{{n}}","accountAlias":"ACME","emailAddress":"{{n}}@acme.test"}'
*/

-- The update that completes a burst is at most updates - 1 gaps after its first, and one more gap shows that nothing came
-- before: nothing from further back is needed. Two updates within seconds count as one and its copy, so copies beyond the
-- usual number count, too. An update at the other URL, of the event or of the category, is found as in hidden_user_update.
WITH unseen AS (
    SELECT notification_id, seq, changed_at, account_alias, entity_id
    FROM changes
    WHERE changed_at >= $since::TIMESTAMPTZ - to_minutes($gap_minutes * ($updates + 1))
        AND changed_at < $until::TIMESTAMPTZ
        AND sender = 'centurylink' AND category = 'User' AND path = '' AND kind = 'unseen' AND account_alias IS NOT NULL
),
-- Only of these users an update may come at both: mostly URLs of one kind are set.
at_both_urls AS (
    SELECT entity_id
    FROM notifications
    WHERE occurred_at >= $since::TIMESTAMPTZ - to_minutes($gap_minutes * ($updates + 1)) - to_seconds(10 * $apart_seconds)
        AND occurred_at < $until::TIMESTAMPTZ
        AND sender = 'centurylink' AND category = 'User' AND duplicate_of IS NULL
    GROUP BY entity_id
    HAVING bool_or(action IS NULL) AND bool_or(action IS NOT NULL)
),
steps AS (
    SELECT
        id,
        seq,
        entity_id,
        occurred_at,
        action IS NULL AS is_of_category,
        (epoch_us(occurred_at) - lag(epoch_us(occurred_at)) OVER (PARTITION BY entity_id ORDER BY occurred_at, seq)) / 1e6 AS gap
    FROM notifications
    WHERE occurred_at >= $since::TIMESTAMPTZ - to_minutes($gap_minutes * ($updates + 1)) - to_seconds(10 * $apart_seconds)
        AND occurred_at < $until::TIMESTAMPTZ
        AND sender = 'centurylink' AND category = 'User' AND duplicate_of IS NULL
        AND entity_id IN (SELECT entity_id FROM unseen) AND entity_id IN (SELECT entity_id FROM at_both_urls)
),
runs AS (
    SELECT
        *,
        count(*) FILTER (gap IS NULL OR gap > $apart_seconds) OVER (
            PARTITION BY entity_id ORDER BY occurred_at, seq
        ) AS run
    FROM steps
),
numbered_at_url AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY entity_id, run, is_of_category ORDER BY occurred_at, seq) AS number
    FROM runs
),
at_other_url AS (
    SELECT id
    FROM numbered_at_url
    QUALIFY row_number() OVER (PARTITION BY entity_id, run, number ORDER BY occurred_at, seq) > 1
),
originals AS (
    FROM unseen WHERE notification_id NOT IN (FROM at_other_url)
),
copies AS (
    SELECT id, seq, occurred_at, account_alias, entity_id
    FROM notifications
    WHERE occurred_at >= $since::TIMESTAMPTZ - to_minutes($gap_minutes * ($updates + 1))
        AND occurred_at < $until::TIMESTAMPTZ
        AND sender = 'centurylink' AND category = 'User' AND duplicate_of IN (SELECT notification_id FROM originals)
    QUALIFY row_number() OVER (PARTITION BY duplicate_of ORDER BY seq) > $usual_copies
),
hidden AS (
    SELECT
        *,
        (epoch_us(changed_at) - lag(epoch_us(changed_at)) OVER (PARTITION BY account_alias ORDER BY changed_at, seq)) / 1e6 AS gap
    FROM (FROM originals UNION ALL FROM copies)
),
numbered AS (
    SELECT
        *,
        count(*) FILTER (gap IS NULL OR gap > 60 * $gap_minutes) OVER (
            PARTITION BY account_alias ORDER BY changed_at, seq
        ) AS burst
    FROM hidden
),
-- Nearly all bursts are of one update: so lists are made of the others alone.
large AS (
    SELECT account_alias, burst
    FROM numbered
    GROUP BY ALL
    HAVING count(*) >= $updates
),
bursts AS (
    SELECT
        account_alias,
        list(changed_at ORDER BY changed_at, seq) AS moments,
        list(notification_id ORDER BY changed_at, seq) AS notification_ids,
        arg_max(notification_id, seq) AS last_stored,
        list_distinct(list(entity_id)) AS users
    FROM numbered
    SEMI JOIN large USING (account_alias, burst)
    GROUP BY account_alias, burst
)
SELECT
    moments[$updates] AS found_at,
    'Account' AS category,
    account_alias AS entity_id,
    account_alias,
    NULL::VARCHAR AS actor,
    concat(
        len(moments), ' hidden updates of ', len(users), if(len(users) = 1, ' user of ', ' users of '), account_alias,
        ' within ', greatest(ceil(epoch(moments[-1] - moments[1]) / 60), 1)::BIGINT, ' min: ',
        array_to_string(list_sort(users)[:3], ', '), if(len(users) > 3, concat(' and ', len(users) - 3, ' more.'), '.')
    ) AS sentence,
    list_append(notification_ids[:99], last_stored) AS notification_ids,
    moments[-1] + to_minutes($gap_minutes) AS open_until
FROM bursts
WHERE found_at >= $since::TIMESTAMPTZ
