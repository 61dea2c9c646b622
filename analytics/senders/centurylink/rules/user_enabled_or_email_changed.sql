/*
title = "User enabled again, or e-mail address changed"
severity = "medium"
why = """
Either change can hand a user to somebody else: a disabled user can log in again, and a new address receives the next \
password. If both happen to one user within the hour, the severity is high. It is high, too, if the address moves to another \
domain within the hour after an update that shows no difference, such as a new password."""
todo = "Ask the user, but not by e-mail. If they did not make the change, disable the user and restore the old address."
references = [
    "MITRE ATT&CK T1098, Account Manipulation: https://attack.mitre.org/techniques/T1098/",
    "MITRE ATT&CK T1078.004, Valid Accounts: Cloud Accounts: https://attack.mitre.org/techniques/T1078/004/",
]

# A takeover changes more than one thing at once, and that is high.
everyday = "people come back, and change addresses"

[reasons]
high = "several of these happened to the user at about the same time"
medium = "only one of the two happened to the user"

[parameters]
together_minutes = 60   # both within so long is of high severity
deleted_days = 7        # how long after its deletion a user that comes back by an update counts as enabled again

[[fires]]
title = "A password changes, and then the address moves to another domain; the address of another user stays in its domain"
expected = [
    "high KIM: The e-mail address of KIM of ACME was changed from kim@acme.example to kim@mailbox.example, soon after a hidden",
    "medium BEA: The e-mail address of BEA of ACME was changed from bea@acme.example to bea.smith@acme.example.",
]
[[fires.notifications]]
event = "User.Created"
at = 2026-03-03T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","emailAddress":"kim@acme.example","status":"Active"}'
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","emailAddress":"kim@acme.example","status":"Active"}'
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T10:11:00Z
body = '{"userName":"kim","accountAlias":"ACME","emailAddress":"kim@mailbox.example","status":"Active"}'
[[fires.notifications]]
event = "User.Created"
at = 2026-03-03T11:00:00Z
body = '{"userName":"bea","accountAlias":"ACME","emailAddress":"bea@acme.example","status":"Active"}'
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T11:00:00Z
body = '{"userName":"bea","accountAlias":"ACME","emailAddress":"bea@acme.example","status":"Active"}'
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T11:11:00Z
body = '{"userName":"bea","accountAlias":"ACME","emailAddress":"bea.smith@acme.example","status":"Active"}'

[[fires]]
title = "A disabled user is enabled again"
expected = ["medium KIM: KIM of ACME was enabled again after being Disabled."]
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-03T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","emailAddress":"kim@acme.example","status":"Disabled"}'
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","emailAddress":"kim@acme.example","status":"Active"}'

[[fires]]
title = "A user is deleted, and an update brings it back"
expected = ["medium KIM: KIM of ACME was enabled again after being Deleted."]
[[fires.notifications]]
event = "User.Deleted"
at = 2026-03-03T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","emailAddress":"kim@acme.example","status":"Deleted"}'
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","emailAddress":"kim@acme.example","status":"Active"}'

[[fires]]
title = "A disabled user is deleted, and an update brings it back"
expected = ["medium KIM: KIM of ACME was enabled again after being Deleted."]
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-02T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","emailAddress":"kim@acme.example","status":"Disabled"}'
[[fires.notifications]]
event = "User.Deleted"
at = 2026-03-03T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","emailAddress":"kim@acme.example","status":"Disabled"}'
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","emailAddress":"kim@acme.example","status":"Active"}'

[[fires]]
title = "A replayed body deletes a user, and a genuine update gives it another address"
expected = [
    """high KIM: KIM of ACME was enabled again after being Deleted, and the e-mail address was changed from \
    kim@acme.example to kim@evil.example.""",
]
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-03T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","emailAddress":"kim@acme.example","status":"Active"}'
[[fires.notifications]]
event = "User.Deleted"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","emailAddress":"kim@acme.example","status":"Active"}'
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T12:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","emailAddress":"kim@evil.example","status":"Active"}'

[[fires]]
title = "An e-mail address changes"
expected = ["medium KIM: The e-mail address of KIM of ACME was changed from kim@acme.example to kim@evil.example."]
[[fires.notifications]]
event = "User.Created"
at = 2026-03-03T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","emailAddress":"kim@acme.example","status":"Active"}'
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","emailAddress":"kim@evil.example","status":"Active"}'

[[fires]]
title = "A new address, and twenty minutes later the user is enabled"
expected = ["medium KIM: The e-mail address of KIM", "high KIM: KIM of ACME was enabled again"]
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-03T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","emailAddress":"kim@acme.example","status":"Disabled"}'
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","emailAddress":"kim@evil.example","status":"Disabled"}'
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T10:20:00Z
body = '{"userName":"kim","accountAlias":"ACME","emailAddress":"kim@evil.example","status":"Active"}'

[[fires]]
title = "Both at one go are one finding"
expected = ["high KIM: KIM of ACME was enabled again after being Disabled, and the e-mail address was changed from a@x"]
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-03T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","emailAddress":"a@x.example","status":"Disabled"}'
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","emailAddress":"b@x.example","status":"Active"}'

[[silent]]
title = "A user is disabled, and the address gets capital letters"
[[silent.notifications]]
event = "User.Created"
at = 2026-03-03T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","emailAddress":"kim@acme.example","status":"Active"}'
[[silent.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim","accountAlias":"ACME","emailAddress":"Kim@ACME.example","status":"Disabled"}'
*/
-- A user that comes back is enabled again whatever status its deletion told: a replayed deletion tells the one of before.
WITH came_back AS (
    SELECT notification_id, changed_at, entity_id, account_alias
    FROM changes AS back
    WHERE changed_at >= $since::TIMESTAMPTZ - to_minutes($together_minutes) AND changed_at < $until::TIMESTAMPTZ
        AND sender = 'centurylink' AND category = 'User' AND path = '' AND kind = 'added'
        AND EXISTS (
            SELECT 1
            FROM changes AS gone
            WHERE gone.entity_id = back.entity_id AND gone.changed_at <= back.changed_at
                AND gone.changed_at >= back.changed_at - to_days($deleted_days)
                -- This bound of the whole range follows from the others, and avoids reading all other changes.
                AND gone.changed_at >= $since::TIMESTAMPTZ - to_minutes($together_minutes) - to_days($deleted_days)
                AND gone.sender = 'centurylink' AND gone.category = 'User' AND gone.path = '' AND gone.kind = 'removed'
        )
),
differences AS (
    SELECT
        notification_id,
        changed_at,
        entity_id,
        account_alias,
        path,
        old_value ->> '$' AS before,
        new_value ->> '$' AS now,
        false AS returns
    FROM changes
    WHERE changed_at >= $since::TIMESTAMPTZ - to_minutes($together_minutes) AND changed_at < $until::TIMESTAMPTZ
        AND sender = 'centurylink' AND category = 'User'
        AND (path IN ('status', 'emailAddress') AND kind IN ('changed', 'added') OR path = '' AND kind = 'unseen')
    UNION ALL
    SELECT
        notification_id,
        changed_at,
        came_back.entity_id,
        came_back.account_alias,
        'status',
        'Deleted',
        payload ->> 'status',
        true
    FROM came_back
    JOIN notifications ON notifications.id = came_back.notification_id
    WHERE received_at >= $since::TIMESTAMPTZ - to_minutes($together_minutes) AND action IS DISTINCT FROM 'Created'
        AND category = 'User' -- follows from the others, and avoids reading the bodies of all other notifications
),
steps AS (
    SELECT
        notification_id,
        changed_at,
        entity_id,
        account_alias,
        arg_max(before, returns) FILTER (path = 'status') AS status_before,
        max(before) FILTER (path = 'emailAddress') AS address_before,
        max(coalesce(now, '(none)')) FILTER (path = 'emailAddress') AS address_now,
        bool_or(path = 'status') AS enabled,
        bool_or(path = 'emailAddress') AS readdressed,
        bool_or(path = '') AS hidden,
        lower(split_part(address_before, '@', 2)) <> lower(split_part(address_now, '@', 2)) AS moved
    FROM differences
    WHERE path = '' OR (path = 'status' AND lower(now) = 'active')
        OR (path = 'emailAddress' AND lower(now) IS DISTINCT FROM lower(before))
    GROUP BY ALL
),
told AS (
    SELECT
        *,
        (bool_or(enabled) OVER lately AND bool_or(readdressed) OVER lately) OR (moved AND bool_or(hidden) OVER lately) AS together,
        list(notification_id) FILTER (hidden) OVER lately AS hidden_ids
    FROM steps
    WINDOW lately AS (
        PARTITION BY entity_id ORDER BY changed_at RANGE BETWEEN to_minutes($together_minutes) PRECEDING AND CURRENT ROW
    )
)
SELECT
    changed_at AS found_at,
    'User' AS category,
    entity_id,
    account_alias,
    NULL::VARCHAR AS actor,
    concat(
        if(enabled, concat(whose, ' was enabled again after being ', coalesce(status_before, 'without a status')), ''),
        if(enabled AND readdressed, ', and the', if(readdressed, 'The', '')),
        if(readdressed, concat(' e-mail address ', if(enabled, '', concat('of ', whose, ' '))), ''),
        if(readdressed, concat('was changed from ', coalesce(address_before, '(none)'), ' to ', address_now), ''),
        if(moved AND hidden_ids IS NOT NULL, ', soon after a hidden update, perhaps of the password.', '.')
    ) AS sentence,
    if(moved AND hidden_ids IS NOT NULL, list_prepend(notification_id, hidden_ids), [notification_id]) AS notification_ids,
    if(together, 'high', 'medium') AS severity
FROM (SELECT *, concat(entity_id, ' of ', coalesce(account_alias, '(no account)')) AS whose FROM told)
WHERE changed_at >= $since::TIMESTAMPTZ AND (enabled OR readdressed)
