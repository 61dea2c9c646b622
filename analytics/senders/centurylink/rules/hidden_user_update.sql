/*
title = "Hidden update of a user"
severity = "low"
why = """
A changed password, security PIN, title or telephone number appears as an update in which nothing differs. \
Anybody who sets another user's password can act as that user. Outside working hours the severity is medium."""
todo = """
Ask the user whether the change was theirs. If not, disable the user, set a new password and PIN, and look at what the \
user has done since."""
references = [
    "MITRE ATT&CK T1098, Account Manipulation: https://attack.mitre.org/techniques/T1098/",
    "NIST SP 800-53 IA-5, Authenticator Management",
]

[reasons]
medium = "outside working hours"
low = "in working hours"

[[fires]]
title = "A user's body comes again, as it was"
expected = ["low KIM@ACME.EXAMPLE: KIM@ACME.EXAMPLE in ACME was updated, but no visible field changed"]
[[fires.notifications]]
event = "User.Created"
at = 2026-03-03T10:00:00Z
body = '{"userName":"kim@acme.example","accountAlias":"ACME","emailAddress":"kim@acme.example","status":"Active"}'
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim@acme.example","accountAlias":"ACME","emailAddress":"kim@acme.example","status":"Active"}'

[[fires]]
title = "The same at night"
expected = ["medium KIM@ACME.EXAMPLE: KIM@ACME.EXAMPLE in ACME was updated, but no visible field changed"]
[[fires.notifications]]
event = "User.Created"
at = 2026-03-03T10:00:00Z
body = '{"userName":"kim@acme.example","accountAlias":"ACME","emailAddress":"kim@acme.example","status":"Active"}'
[[fires.notifications]]
event = "User.Updated"
at = 2026-03-04T02:30:00Z
body = '{"userName":"kim@acme.example","accountAlias":"ACME","emailAddress":"kim@acme.example","status":"Active"}'

[[silent]]
title = "A name changes, which shows"
[[silent.notifications]]
event = "User.Created"
at = 2026-03-03T10:00:00Z
body = '{"userName":"kim@acme.example","accountAlias":"ACME","lastName":"Tate","status":"Active"}'
[[silent.notifications]]
event = "User.Updated"
at = 2026-03-04T10:00:00Z
body = '{"userName":"kim@acme.example","accountAlias":"ACME","lastName":"Ross","status":"Active"}'

[[silent]]
title = "The copy for the parent account, a second later"
[[silent.notifications]]
event = "User.Updated"
at = 2026-03-03T10:00:00Z
times = 2
every_seconds = 1
body = '{"userName":"kim@acme.example","accountAlias":"ACME","emailAddress":"kim@acme.example","status":"Active"}'
*/
SELECT
    changed_at AS found_at,
    category,
    entity_id,
    account_alias,
    actor,
    concat(
        entity_id, ' in ', coalesce(account_alias, '(no account)'),
        ' was updated, but no visible field changed: perhaps the password, PIN, title or telephone number.'
    ) AS sentence,
    [notification_id] AS notification_ids,
    CASE
        WHEN list_contains($work_days, isodow(timezone($time_zone, changed_at)))
            AND timezone($time_zone, changed_at)::TIME >= $work_begins::TIME
            AND timezone($time_zone, changed_at)::TIME < $work_ends::TIME
        THEN 'low'
        ELSE 'medium'
    END AS severity
FROM changes
WHERE changed_at >= $since::TIMESTAMPTZ AND changed_at < $until::TIMESTAMPTZ
    AND category = 'User' AND path = '' AND kind = 'unseen'
