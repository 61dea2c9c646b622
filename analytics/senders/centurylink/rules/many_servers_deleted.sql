/*
title = "Many servers deleted"
severity = "high"
why = """
Deleting many servers within minutes destroys data, covers tracks or serves blackmail. Where the notifications do not \
name the actor, for example when an account is closed, the severity is medium."""
todo = """
Ask the actor by telephone. If it was not them, disable the user at once: the platform's support can restore deleted \
servers for a short time only."""
references = [
    "MITRE ATT&CK T1578.003, Delete Cloud Instance: https://attack.mitre.org/techniques/T1578/003/",
    "MITRE ATT&CK T1485, Data Destruction: https://attack.mitre.org/techniques/T1485/",
]

[reasons]
high = "one actor deleted them all"
medium = "no notification of the 7 days before each deletion names the actor"

[parameters]
servers = 5          # so many servers are many
gap_minutes = 10     # between the deletions of two of which lies no longer time
queue_hours = 168    # a server that is queued for deletion is gone, or active again, within so long

[[fires]]
title = "Seven servers of two accounts are queued for deletion by one actor, and are gone a minute later"
expected = ["high EVE: eve deleted 7 servers of AC01, AC02 within 7 min: WA1AC01WEB1, WA1AC01WEB2, WA1AC01WEB3 and 4"]
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-03T10:00:00Z
times = 6
every_seconds = 60
body = '''{"name":"WA1AC01WEB{{n}}","status":"active","changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"ac01"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:00:00Z
times = 6
every_seconds = 60
body = '''{"name":"WA1AC01WEB{{n}}","status":"queuedForDelete","changeInfo":{"modifiedBy":"eve","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"ac01"}]}'''
[[fires.notifications]]
event = "Server.Deleted"
at = 2026-03-04T10:01:30Z
times = 6
every_seconds = 60
body = '{"accountAlias":"AC01","name":"WA1AC01WEB{{n}}"}'
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-03T11:00:00Z
body = '''{"name":"WA1AC02DB01","status":"active","changeInfo":{"modifiedBy":"bob","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"ac02"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:07:00Z
body = '''{"name":"WA1AC02DB01","status":"queuedForDelete","changeInfo":{"modifiedBy":"EVE","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"ac02"}]}'''

[[fires]]
title = "Five servers vanish, and nothing tells who did it"
expected = ["medium ACME: 5 servers of ACME were deleted within 4 min: WA1ACMEWEB1"]
[[fires.notifications]]
event = "Server.Deleted"
at = 2026-03-04T10:00:00Z
times = 5
every_seconds = 60
body = '{"accountAlias":"ACME","name":"WA1ACMEWEB{{n}}"}'

[[fires]]
title = "The actor's name has a letter that is two in upper case"
expected = ["high GROSS: groß deleted 5 servers of ACME within 4 min: WA1ACMEWEB1"]
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-03T10:00:00Z
times = 5
every_seconds = 60
body = '''{"name":"WA1ACMEWEB{{n}}","status":"active","changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:00:00Z
times = 5
every_seconds = 60
body = '''{"name":"WA1ACMEWEB{{n}}","status":"queuedForDelete","changeInfo":{"modifiedBy":"groß","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''

[[fires]]
title = "The notification of the deletion that was first comes last, and spells the actor in another way"
expected = ["high EVE: Eve deleted 5 servers of ACME within 5 min: WA1ACMEOLD"]
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-03T10:00:00Z
times = 4
every_seconds = 60
body = '''{"name":"WA1ACMEWEB{{n}}","status":"active","changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-03T11:00:00Z
body = '''{"name":"WA1ACMEOLD","status":"active","changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:02:00Z
times = 4
every_seconds = 60
body = '''{"name":"WA1ACMEWEB{{n}}","status":"queuedForDelete","changeInfo":{"modifiedBy":"eve","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:20:00Z
body = '''{"name":"WA1ACMEOLD","status":"queuedForDelete","changeInfo":{"modifiedBy":"Eve",
"modifiedDate":"2026-03-04T10:00:00Z"},"links":[{"rel":"account","id":"acme"}]}'''

[[fires]]
title = "Five servers are deleted within a day and made again, and then queued for deletion by one actor"
expected = ["high EVE: eve deleted 5 servers of ACME within 4 min: WA1ACMEWEB1"]
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-02T10:00:00Z
times = 5
every_seconds = 60
body = '''{"name":"WA1ACMEWEB{{n}}","status":"active","changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Deleted"
at = 2026-03-03T12:00:00Z
times = 5
every_seconds = 1800
body = '{"accountAlias":"ACME","name":"WA1ACMEWEB{{n}}"}'
[[fires.notifications]]
event = "Server.Created"
at = 2026-03-03T12:10:00Z
times = 5
every_seconds = 1800
body = '''{"name":"WA1ACMEWEB{{n}}","status":"active","changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:00:00Z
times = 5
every_seconds = 60
body = '''{"name":"WA1ACMEWEB{{n}}","status":"queuedForDelete","changeInfo":{"modifiedBy":"eve","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Deleted"
at = 2026-03-04T10:02:30Z
times = 5
every_seconds = 60
body = '{"accountAlias":"ACME","name":"WA1ACMEWEB{{n}}"}'

[[fires]]
title = "Six servers are seen for the first time when one actor queues them for deletion, and are gone seconds later"
expected = ["high EVIL: evil deleted 6 servers of ACME within 5 min: WA1ACMEWEB1, WA1ACMEWEB2, WA1ACMEWEB3 and 3 more."]
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:00:00Z
times = 6
every_seconds = 60
body = '''{"name":"WA1ACMEWEB{{n}}","status":"queuedForDelete","changeInfo":{"modifiedBy":"evil","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Deleted"
at = 2026-03-04T10:00:30Z
times = 6
every_seconds = 60
body = '{"accountAlias":"ACME","name":"WA1ACMEWEB{{n}}"}'

[[fires]]
title = "Five servers are queued for deletion by one actor, and are gone 25 hours later"
expected = ["high EVE: eve deleted 5 servers of ACME within 4 min: WA1ACMEWEB1"]
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-03T10:00:00Z
times = 5
every_seconds = 60
body = '''{"name":"WA1ACMEWEB{{n}}","status":"active","changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:00:00Z
times = 5
every_seconds = 60
body = '''{"name":"WA1ACMEWEB{{n}}","status":"queuedForDelete","changeInfo":{"modifiedBy":"eve","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Deleted"
at = 2026-03-05T11:00:00Z
times = 5
every_seconds = 60
body = '{"accountAlias":"ACME","name":"WA1ACMEWEB{{n}}"}'

[[fires]]
title = "Ten servers are queued for deletion; the first five are active again, and one of those is queued once more"
expected = ["high EVE: eve deleted 6 servers of ACME within 6 min: WA1ACMEWEB6, WA1ACMEWEB7, WA1ACMEWEB8 and 3 more."]
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-03T10:00:00Z
times = 10
every_seconds = 60
body = '''{"name":"WA1ACMEWEB{{n}}","status":"active","changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:00:00Z
times = 10
every_seconds = 60
body = '''{"name":"WA1ACMEWEB{{n}}","status":"queuedForDelete","changeInfo":{"modifiedBy":"eve","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:00:20Z
times = 5
every_seconds = 60
body = '''{"name":"WA1ACMEWEB{{n}}","status":"active","changeInfo":{"modifiedBy":"eve","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''
[[fires.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:11:00Z
body = '''{"name":"WA1ACMEWEB1","status":"queuedForDelete","changeInfo":{"modifiedBy":"eve","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''

[[silent]]
title = "Five servers are queued for deletion, and two are active again a day later"
[[silent.notifications]]
event = "Server.Updated"
at = 2026-03-03T10:00:00Z
times = 5
every_seconds = 60
body = '''{"name":"WA1ACMEWEB{{n}}","status":"active","changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''
[[silent.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:00:00Z
times = 5
every_seconds = 60
body = '''{"name":"WA1ACMEWEB{{n}}","status":"queuedForDelete","changeInfo":{"modifiedBy":"eve","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''
[[silent.notifications]]
event = "Server.Updated"
at = 2026-03-05T10:00:00Z
times = 2
every_seconds = 60
body = '''{"name":"WA1ACMEWEB{{n}}","status":"active","changeInfo":{"modifiedBy":"eve","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''

[[silent]]
title = "Six servers within a day"
[[silent.notifications]]
event = "Server.Deleted"
at = 2026-03-04T10:00:00Z
times = 6
every_seconds = 3600
body = '{"accountAlias":"ACME","name":"WA1ACMEWEB{{n}}"}'

[[silent]]
title = "Four servers are queued and then deleted, which are eight notifications"
[[silent.notifications]]
event = "Server.Updated"
at = 2026-03-03T10:00:00Z
times = 4
every_seconds = 60
body = '''{"name":"WA1ACMEWEB{{n}}","status":"active","changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''
[[silent.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:00:00Z
times = 4
every_seconds = 60
body = '''{"name":"WA1ACMEWEB{{n}}","status":"queuedForDelete","changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''
[[silent.notifications]]
event = "Server.Deleted"
at = 2026-03-04T10:02:00Z
times = 4
every_seconds = 60
body = '{"accountAlias":"ACME","name":"WA1ACMEWEB{{n}}"}'

[[silent]]
title = "One server is made and deleted six times within an hour"
[[silent.notifications]]
event = "Server.Created"
at = 2026-03-04T10:00:00Z
times = 6
every_seconds = 480
body = '''{"name":"WA1ACMETEST","status":"active","changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''
[[silent.notifications]]
event = "Server.Deleted"
at = 2026-03-04T10:04:00Z
times = 6
every_seconds = 480
body = '{"accountAlias":"ACME","name":"WA1ACMETEST"}'

[[silent]]
title = "Four servers are gone before the notifications that queue them arrive, which tell no time, and the deletions come again"
[[silent.notifications]]
event = "Server.Updated"
at = 2026-03-03T10:00:00Z
times = 4
every_seconds = 60
body = '{"accountAlias":"ACME","name":"WA1ACMEWEB{{n}}","cpu":2,"status":"Active"}'
[[silent.notifications]]
event = "Server.Deleted"
at = 2026-03-04T10:00:00Z
times = 4
every_seconds = 60
body = '{"accountAlias":"ACME","name":"WA1ACMEWEB{{n}}"}'
[[silent.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:00:01Z
times = 4
every_seconds = 60
body = '{"accountAlias":"ACME","name":"WA1ACMEWEB{{n}}","cpu":2,"status":"queuedForDelete"}'
[[silent.notifications]]
event = "Server.Deleted"
at = 2026-03-04T10:00:02Z
times = 4
every_seconds = 60
body = '{"accountAlias":"ACME","name":"WA1ACMEWEB{{n}}"}'

[[silent]]
title = "Six servers are archived"
[[silent.notifications]]
event = "Server.Updated"
at = 2026-03-03T10:00:00Z
times = 6
every_seconds = 60
body = '''{"name":"WA1ACMEWEB{{n}}","status":"active","changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''
[[silent.notifications]]
event = "Server.Updated"
at = 2026-03-04T10:00:00Z
times = 6
every_seconds = 60
body = '''{"name":"WA1ACMEWEB{{n}}","status":"archived","changeInfo":{"modifiedBy":"ann","modifiedDate":"{{at}}"},
"links":[{"rel":"account","id":"acme"}]}'''
*/
-- The change that queues a server for deletion names an actor, the deletion itself does not: the first of the two counts.
-- A server that is there again after its deletion begins another life, which can end in a deletion of its own. A server whose
-- next step after the queue is another status was not deleted. The start is as far back as in hidden_update_burst, plus the
-- time in the queue, and the end as much later.
WITH first_seen AS (
    SELECT notification_id
    FROM changes
    WHERE changed_at >= $since::TIMESTAMPTZ - to_minutes($gap_minutes * ($servers + 1)) - to_hours($queue_hours)
        AND changed_at < $until::TIMESTAMPTZ + to_hours($queue_hours)
        AND sender = 'centurylink' AND category = 'Server' AND path = '' AND kind = 'added' AND old_value IS NULL
),
-- No change shows the status of a server's first notification. Its body is read in a second step, where DuckDB passes over the
-- bodies of others by `seq`.
first_shown AS (
    SELECT seq, id
    FROM notifications
    WHERE occurred_at >= $since::TIMESTAMPTZ - to_minutes($gap_minutes * ($servers + 1)) - to_hours($queue_hours)
        AND received_at >= $since::TIMESTAMPTZ - to_minutes($gap_minutes * ($servers + 1)) - to_hours($queue_hours)
        AND least(occurred_at, received_at) < $until::TIMESTAMPTZ + to_hours($queue_hours)
        AND sender = 'centurylink' AND category = 'Server' AND (action = 'Updated' OR action IS NULL)
        AND duplicate_of IS NULL AND id IN (FROM first_seen)
),
steps AS (
    SELECT
        notification_id,
        seq,
        changed_at,
        account_alias,
        entity_id,
        actor,
        CASE
            WHEN path = '' THEN if(kind = 'removed', 'deletion', 'return')
            WHEN lower(new_value ->> '$') IN ('queuedfordelete', 'deleted') THEN 'queue'
            ELSE 'undo'
        END AS step
    FROM changes
    WHERE changed_at >= $since::TIMESTAMPTZ - to_minutes($gap_minutes * ($servers + 1)) - to_hours($queue_hours)
        AND changed_at < $until::TIMESTAMPTZ + to_hours($queue_hours)
        AND sender = 'centurylink' AND category = 'Server' AND NOT noise
        AND (
            (path = '' AND kind = 'removed')
            OR (path = '' AND kind = 'added' AND old_value IS NOT NULL)
            OR (
                path = 'status' AND kind IN ('added', 'changed')
                AND (
                    lower(new_value ->> '$') IN ('queuedfordelete', 'deleted')
                    OR kind = 'added' OR lower(old_value ->> '$') IN ('queuedfordelete', 'deleted')
                )
            )
        )
    UNION ALL
    SELECT id, seq, least(occurred_at, received_at), account_alias, entity_id, actor, 'queue'
    FROM notifications
    WHERE received_at >= $since::TIMESTAMPTZ - to_minutes($gap_minutes * ($servers + 1)) - to_hours($queue_hours)
        AND (seq, id) IN (FROM first_shown)
        AND lower(payload ->> 'status') IN ('queuedfordelete', 'deleted')
),
-- A server that comes back as queued for deletion may be a late notification of the life before, so the return is the last row
-- of its notification.
ordered AS (
    SELECT
        *,
        coalesce(as_entity_id(actor), concat('of ', account_alias)) AS doer,
        step IN ('return', 'undo') AS is_new_life,
        (epoch_us(changed_at) - lag(if(is_new_life, NULL, epoch_us(changed_at))) OVER (
            PARTITION BY entity_id ORDER BY changed_at, seq, is_new_life
        )) / 1e6 AS since_last,
        first_value(if(step = 'queue', NULL, struct_pack(step := step, at := changed_at)) IGNORE NULLS) OVER (
            PARTITION BY entity_id ORDER BY changed_at, seq, is_new_life
            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        ) AS outcome
    FROM steps
),
firsts AS (
    SELECT
        *,
        (epoch_us(changed_at) - lag(epoch_us(changed_at)) OVER (
            PARTITION BY actor IS NULL, doer, entity_id ORDER BY changed_at, seq
        )) / 1e6 AS since_same
    FROM ordered
    WHERE changed_at < $until::TIMESTAMPTZ AND NOT is_new_life AND (since_last IS NULL OR since_last > 3600 * $queue_hours)
        AND NOT (
            step = 'queue' AND coalesce(outcome.step, '') = 'undo' AND outcome.at <= changed_at + to_hours($queue_hours)
        )
),
-- One server that is made and deleted again and again is not many.
deletions AS (
    SELECT *
    FROM firsts
    WHERE (since_same IS NULL OR since_same > 60 * $gap_minutes * ($servers + 1))
        AND changed_at >= $since::TIMESTAMPTZ - to_minutes($gap_minutes * ($servers + 1))
),
spaced AS (
    SELECT
        *,
        (epoch_us(changed_at) - lag(epoch_us(changed_at)) OVER (PARTITION BY actor IS NULL, doer ORDER BY changed_at, seq)) / 1e6 AS gap
    FROM deletions
),
numbered AS (
    SELECT
        *,
        actor IS NULL AS is_unnamed,
        count(*) FILTER (gap IS NULL OR gap > 60 * $gap_minutes) OVER (
            PARTITION BY actor IS NULL, doer ORDER BY changed_at, seq
        ) AS burst
    FROM spaced
),
-- Nearly all bursts are of one server: so lists are made of the others alone.
large AS (
    SELECT is_unnamed, doer, burst
    FROM numbered
    GROUP BY ALL
    HAVING count(*) >= $servers
),
bursts AS (
    SELECT
        doer,
        arg_min(actor, (changed_at, seq)) AS actor,
        arg_min(account_alias, (changed_at, seq)) AS account_alias,
        list_sort(list_distinct(list(coalesce(account_alias, '(no account)')))) AS accounts,
        list_sort(list_distinct(list(account_alias))) AS aliases,
        list(changed_at ORDER BY changed_at, seq) AS moments,
        list(entity_id ORDER BY changed_at, seq) AS all_names,
        list_filter(all_names, lambda name, place: list_position(all_names, name) = place) AS names,
        list(notification_id ORDER BY changed_at, seq) AS notification_ids,
        arg_max(notification_id, seq) AS last_stored
    FROM numbered
    SEMI JOIN large USING (is_unnamed, doer, burst)
    GROUP BY is_unnamed, doer, burst
)
SELECT
    moments[$servers] AS found_at,
    if(actor IS NULL, 'Account', 'User') AS category,
    if(actor IS NULL, account_alias, doer) AS entity_id,
    account_alias,
    actor,
    concat(
        if(actor IS NULL, '', concat(actor, ' deleted ')), len(names), ' servers of ',
        array_to_string(accounts[:3], ', '), if(len(accounts) > 3, ' and others', ''),
        if(actor IS NULL, ' were deleted', ''),
        ' within ', greatest(ceil(epoch(moments[-1] - moments[1]) / 60), 1)::BIGINT, ' min: ',
        array_to_string(names[:3], ', '), if(len(names) > 3, concat(' and ', len(names) - 3, ' more.'), '.')
    ) AS sentence,
    list_append(notification_ids[:99], last_stored) AS notification_ids,
    if(actor IS NULL, 'medium', 'high') AS severity,
    moments[-1] + to_minutes($gap_minutes) AS open_until,
    list_filter(aliases, lambda alias: alias != account_alias) AS other_accounts
FROM bursts
WHERE found_at >= $since::TIMESTAMPTZ
